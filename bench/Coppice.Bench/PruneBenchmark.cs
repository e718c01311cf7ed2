using System.Diagnostics;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Pruning;
using Coppice.Tensors.Kernels;
using static Coppice.Bench.Measure;

namespace Coppice.Bench;

/// <summary>Global L1 pruning of 124 M weights against PyTorch, and against merely reading and writing the file.</summary>
internal static class PruneBenchmark
{
    private const double Amount = 0.5;
    private const int TorchRounds = 3;
    private const int Rounds = 5;

    public static void Run(Report report)
    {
        var folder = Path.Combine(Path.GetTempPath(), "coppice-bench-gpt2-small");
        SyntheticCheckpoint.MakeGpt2Small(folder);
        report.Line("\nGPT-2 small's 50 matrices, 124 M F32 weights, global L1 at 50 %; peer: torch.nn.utils.prune.global_unstructured in memory.");
        report.Line("Ours decides from the file (open, select, masks; warm page cache); then also writes the pruned folder. Medians, taking turns.");
        report.Header("threads", "torch s", "decide s", "ratio", "decide and write s", "ratio", "read and write alone s", "ours / read and write");
        for (var threads = 1; threads <= Math.Min(2, Environment.ProcessorCount); threads++)
            Measure(report, folder, threads);
        Directory.Delete(folder, recursive: true);
    }

    private static void Measure(Report report, string folder, int threads)
    {
        Workers.ThreadCount = threads;
        var output = folder + "-pruned";
        using var torch = new TorchPeer("prune", threads, new JsonObject
        {
            ["amount"] = Amount,
            ["shapes"] = new JsonArray([.. SyntheticCheckpoint.Gpt2Small.Select(tensor => new JsonArray([.. tensor.Shape.Select(size => JsonValue.Create(size))]))]),
        });
        Prune(folder, output);
        var (peer, decide, write, copy) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            if (round < TorchRounds)
                peer.Add(torch.Seconds("global"));
            decide.Add(Time(() => Prune(folder, null)));
            write.Add(Time(() => Prune(folder, output)));
            copy.Add(Time(() => Copy(folder, output)));
        }
        Directory.Delete(output, recursive: true);
        var (t, d, w, c) = (Median(peer), Median(decide), Median(write), Median(copy));
        report.Row($"{threads}", $"{t:f1}", $"{d:f3}", $"{t / d:f0}", $"{w:f3}", $"{t / w:f0}", $"{c:f3}", $"{w / c:f2}");
    }

    private static void Prune(string folder, string? output)
    {
        using var checkpoint = Checkpoint.Open(folder);
        var selection = WeightSelector.Select(checkpoint.Tensors, ModelFacts.Of(checkpoint), include: ["*.weight"]);
        var result = Pruner.Prune(selection, new PruneRequest(new MagnitudePruning(), PruneAmount.Fraction(Amount)) { Scope = PruneScope.Global });
        if (output is not null)
            checkpoint.Save(output, result.Tensors.OfType<MaskedTensor>(), new SaveOptions { Overwrite = true });
    }

    private static void Copy(string folder, string output)
    {
        using var checkpoint = Checkpoint.Open(folder);
        checkpoint.Save(output, [], new SaveOptions { Overwrite = true });
    }

    private static double Time(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
