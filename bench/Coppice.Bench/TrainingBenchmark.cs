using System.Diagnostics;
using System.Text.Json.Nodes;
using Coppice.Models;
using Coppice.Models.Bert;
using Coppice.Models.Gpt2;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;
using Coppice.Training;
using static Coppice.Bench.Measure;

namespace Coppice.Bench;

/// <summary>One training step (forward, backward, AdamW) of the sample models against PyTorch.</summary>
internal static class TrainingBenchmark
{
    private const int Rounds = 7;

    public static void Run(Report report)
    {
        report.Line("\nOne step of training: forward, cross-entropy, backward, AdamW (torch: fused GELU, foreach AdamW). "
            + "Medians, taking turns.");
        report.Header("model", "threads", "torch ms", "ours ms", "ratio", "share: forward", "backward", "AdamW");
        for (var threads = 1; threads <= Math.Min(2, Environment.ProcessorCount); threads++)
        {
            Workers.ThreadCount = threads;
            Gpt2(report, threads);
            Bert(report, threads);
        }
    }

    private static void Gpt2(Report report, int threads)
    {
        const int batch = 16, steps = 128;
        var model = (Gpt2LMHeadModel)Open("gpt2-student").Module;
        var config = model.Config;
        var ids = RandomIds(batch, steps, config.VocabSize);
        var options = new JsonObject
        {
            ["model"] = "gpt2", ["layers"] = config.Layers, ["width"] = config.Width, ["heads"] = config.Heads,
            ["vocabulary"] = config.VocabSize, ["batch"] = batch, ["steps"] = steps,
        };
        Compare(report, $"GPT-2 student, {batch} x {steps} tokens", threads, options, new AdamW(model, 1e-4),
            () => model.Forward(ids).CrossEntropy(ids));
    }

    private static void Bert(Report report, int threads)
    {
        const int batch = 64, steps = 32;
        var model = (BertClassifier)Open("bert-thucnews").Module;
        var config = model.Config;
        var ids = RandomIds(batch, steps, config.VocabSize);
        var labels = Tensor.From<long>([.. Enumerable.Range(0, batch).Select(row => (long)row % model.Labels)], [batch]);
        var options = new JsonObject
        {
            ["model"] = "bert", ["layers"] = config.Layers, ["width"] = config.Width, ["heads"] = config.Heads, ["inner"] = config.Inner,
            ["vocabulary"] = config.VocabSize, ["labels"] = model.Labels, ["batch"] = batch, ["steps"] = steps,
        };
        Compare(report, $"BERT, {batch} x {steps} tokens", threads, options, new AdamW(model, 1e-4),
            () => model.Forward(ids).CrossEntropy(labels));
    }

    private static void Compare(Report report, string name, int threads, JsonObject options, Optimizer optimizer, Func<Tensor> loss)
    {
        using var torch = new TorchPeer("training", threads, options);
        var peer = new double[Rounds];
        var (forward, backward, update) = (new double[Rounds], new double[Rounds], new double[Rounds]);
        for (var round = -2; round < Rounds; round++) // the first two warm up
        {
            var seconds = torch.Seconds("step");
            var started = Stopwatch.GetTimestamp();
            double afterForward, afterBackward;
            using (var tape = new Tape())
            {
                var output = loss();
                afterForward = Stopwatch.GetElapsedTime(started).TotalSeconds;
                tape.Backward(output);
                afterBackward = Stopwatch.GetElapsedTime(started).TotalSeconds;
            }
            optimizer.Step();
            optimizer.ZeroGradients();
            var end = Stopwatch.GetElapsedTime(started).TotalSeconds;
            if (round >= 0)
                (peer[round], forward[round], backward[round], update[round]) =
                    (seconds, afterForward, afterBackward - afterForward, end - afterBackward);
        }
        var ours = Median([.. forward.Zip(backward, update).Select(parts => parts.First + parts.Second + parts.Third)]);
        report.Row(name, $"{threads}", $"{Median(peer) * 1e3:f1}", $"{ours * 1e3:f1}", $"{Median(peer) / ours:f2}",
            $"{Median(forward) / ours:P0}", $"{Median(backward) / ours:P0}", $"{Median(update) / ours:P0}");
    }

    private static PretrainedModel Open(string name) => PretrainedModel.Open(Path.Combine(Report.Root, "samples", "models", name));

    private static Tensor RandomIds(int batch, int steps, int vocabulary)
    {
        var random = new RandomSource(1);
        return Tensor.From<long>([.. Enumerable.Range(0, batch * steps).Select(_ => random.NextUInt32() % vocabulary)], [batch, steps]);
    }
}
