using System.Diagnostics;
using System.Text.Json.Nodes;
using Coppice.Models.Gpt2;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;
using static Coppice.Bench.Measure;

namespace Coppice.Bench;

/// <summary>GPT-2 small with random weights: a prompt of 128 tokens, then 64 tokens one at a time, against PyTorch.</summary>
internal static class GenerationBenchmark
{
    private const int Prompt = 128;
    private const int Steps = 64;
    private const int Rounds = 7;

    public static void Run(Report report)
    {
        var model = RandomModel(out var parameters);
        report.Line($"\nGPT-2 small's shapes, random F32 weights; prompt of {Prompt} tokens (last logits only on both sides), then {Steps} tokens with the cache.");
        report.Line("Peer: PyTorch doing the operations of Hugging Face's GPT2LMHeadModel. Reading: the same bytes summed in this run. Medians, taking turns.");
        report.Header("threads", "torch prompt ms", "ours ms", "ratio", "torch ms/token", "ours ms/token", "ratio", "weights read GB/s", "reading alone GB/s", "share");
        for (var threads = 1; threads <= Math.Min(2, Environment.ProcessorCount); threads++)
            Measure(report, model, parameters, threads);
    }

    private static void Measure(Report report, Gpt2LMHeadModel model, long decodeBytes, int threads)
    {
        Workers.ThreadCount = threads;
        using var torch = new TorchPeer("gpt2", threads, new JsonObject { ["prompt"] = Prompt, ["steps"] = Steps });
        using var reading = new ReadingSpeed(decodeBytes);
        var (torchPrompt, ourPrompt, torchToken, ourToken, read) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var round = -2; round < Rounds; round++)
        {
            double[] times = [torch.Seconds("prefill"), Prefill(model), torch.Seconds("decode") / Steps, Decode(model) / Steps, reading.Seconds()];
            if (round < 0)
                continue; // warm-up
            torchPrompt.Add(times[0]);
            ourPrompt.Add(times[1]);
            torchToken.Add(times[2]);
            ourToken.Add(times[3]);
            read.Add(times[4]);
        }
        var (tp, op, tt, ot, r) = (Median(torchPrompt), Median(ourPrompt), Median(torchToken), Median(ourToken), Median(read));
        report.Row($"{threads}", $"{tp * 1e3:f1}", $"{op * 1e3:f1}", $"{tp / op:f2}", $"{tt * 1e3:f2}", $"{ot * 1e3:f2}", $"{tt / ot:f2}",
            $"{decodeBytes / ot / 1e9:f1}", $"{decodeBytes / r / 1e9:f1}", $"{r / ot:f2}");
    }

    /// <summary>A model of random weights, and the bytes of weights that decoding one token reads (position table and token rows aside).</summary>
    private static Gpt2LMHeadModel RandomModel(out long decodeBytes)
    {
        var config = new Gpt2Config(50257, 768, 12, 12);
        var model = new Gpt2LMHeadModel(config);
        var random = new RandomSource(0);
        foreach (var (_, parameter) in model.NamedParameters())
            foreach (ref var value in parameter.Data.AsSpan<float>())
                value = (random.NextSingle() - 0.5f) * 0.04f;
        decodeBytes = sizeof(float) * (model.NamedParameters().Sum(entry => entry.Parameter.Shape.Count) - (long)config.Positions * config.Width);
        return model;
    }

    private static double Prefill(Gpt2LMHeadModel model)
    {
        using var scope = new TensorScope();
        var start = Stopwatch.GetTimestamp();
        model.Forward(PromptIds(), model.CreateCache(Prompt), lastOnly: true);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Decode(Gpt2LMHeadModel model)
    {
        var cache = model.CreateCache(Prompt + Steps);
        using (new TensorScope())
            model.Forward(PromptIds(), cache, lastOnly: true);
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Steps; i++)
        {
            using var scope = new TensorScope();
            model.Forward(Tensor.From<long>([0], [1, 1]), cache, lastOnly: true);
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static Tensor PromptIds() => Tensor.From<long>([.. Enumerable.Range(0, Prompt).Select(i => (long)i)], [1, Prompt]);
}
