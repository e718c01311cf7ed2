using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Models;
using Coppice.Recipes;
using Coppice.Tensors.Kernels;
using Coppice.Tokenizers;
using static Coppice.Bench.Measure;

namespace Coppice.Bench;

/// <summary>The BERT classifier over 10,000 headlines against PyTorch: all padded to 32 tokens as it was trained, and sorted by length.</summary>
internal static class ClassificationBenchmark
{
    private const int Batch = 64;
    private const int Rounds = 3;

    public static void Run(Report report)
    {
        var data = Environment.GetEnvironmentVariable(RecipeFile.DataVariable)
            ?? throw new InvalidOperationException($"Set {RecipeFile.DataVariable} to the folder of models and data.");
        var folder = Path.Combine(Report.Root, "samples", "models", "bert-thucnews");
        var examples = LabeledText.Read(Path.Combine(data, "thucnews", "test.txt")).Examples;
        var tokenizer = Tokenizer.FromFolder(folder);
        int[][] ids = [.. examples.Select(example => tokenizer.Encode(example.Text, new EncodingOptions { MaxLength = 32 }).Ids)];
        var file = Path.GetTempFileName();
        File.WriteAllLines(file, ids.Select(row => string.Join(' ', row)));
        report.Line($"\nBERT of samples/models/bert-thucnews, {examples.Count:N0} test headlines, batches of {Batch}; token ids given, so both sides run the model alone. Medians, taking turns.");
        report.Header("threads", "torch, padded to 32, s", "torch, sorted by length, s", "ours (sorted) s", "ratio to padded", "ratio to sorted", "torch accuracy", "ours");
        for (var threads = 1; threads <= Math.Min(2, Environment.ProcessorCount); threads++)
            Measure(report, folder, examples, ids, file, threads);
        File.Delete(file);
    }

    private static void Measure(Report report, string folder, IReadOnlyList<LabeledExample> examples, int[][] ids, string file, int threads)
    {
        Workers.ThreadCount = threads;
        var classifier = PretrainedModel.Open(folder).TextClassifier;
        using var torch = new TorchPeer("bert", threads, new JsonObject { ["folder"] = folder, ["ids"] = file, ["batch"] = Batch, ["pad"] = 32 });
        var (padded, sorted, ours) = (new List<double>(), new List<double>(), new List<double>());
        int[] predicted = ClassifierEvaluation.Predict(classifier, ids[..1000], Batch).Classes; // warm-up
        for (var round = 0; round < Rounds; round++)
        {
            padded.Add(torch.Seconds("padded"));
            var start = Stopwatch.GetTimestamp();
            predicted = ClassifierEvaluation.Predict(classifier, ids, Batch).Classes;
            ours.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            sorted.Add(torch.Seconds("sorted"));
        }
        var torchClasses = JsonSerializer.Deserialize<int[]>(torch.Answer("classes"))!;
        var (p, s, o) = (Median(padded), Median(sorted), Median(ours));
        report.Row($"{threads}", $"{p:f2}", $"{s:f2}", $"{o:f2}", $"{p / o:f2}", $"{s / o:f2}", $"{Accuracy(torchClasses, examples):P2}", $"{Accuracy(predicted, examples):P2}");
    }

    private static double Accuracy(int[] predicted, IReadOnlyList<LabeledExample> examples) =>
        predicted.Zip(examples).Count(pair => pair.First == pair.Second.Label) / (double)predicted.Length;
}
