using System.Diagnostics;
using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;
using static Coppice.Bench.Measure;

namespace Coppice.Bench;

/// <summary>ONNX models of images, whole and at half their channels, against ONNX Runtime running the whole one.</summary>
internal static class OnnxSpeedBenchmark
{
    private const int WarmUp = 6;
    private const int Rounds = 15;

    /// <summary>Seconds that a contender works before it is timed: in a virtual machine, threads may share a processor until then.</summary>
    private const double AwakeAfter = 0.03;

    public static void Run(Report report, IReadOnlyList<string> models, int[] batches, int[] threadCounts)
    {
        report.Line("\nOne run of x [batch, 3, 224, 224], float32, milliseconds: median by the clock, and mean of processor time (user and system, all");
        report.Line("threads). The contenders take turns, each after a pause and some runs to wake up. `half`: the same file with half of each group's");
        report.Line("channels removed by OnnxPruning.");
        report.Line("Peer: ONNX Runtime (onnxruntime-node), all graph optimisations. Ratios below 1: we are faster.");
        var load = File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";
        report.Line($"Load of the machine when it began: {load}.");
        report.Header("model", "batch", "threads", "of", "ours", "ORT", "ours / ORT", "ours half", "half / ours", "half / ORT", "MACs half / whole");
        var folder = Directory.CreateTempSubdirectory("coppice-onnx-speed-").FullName;
        try
        {
            foreach (var model in models)
            {
                var half = Path.Combine(folder, Path.GetFileName(model));
                var macs = Halve(model, half);
                foreach (var batch in batches)
                    foreach (var threads in threadCounts)
                        Row(report, model, half, batch, threads, macs);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Writes the smaller file and tells which share of multiply-accumulates is left.</summary>
    private static double Halve(string model, string half)
    {
        var pruning = OnnxPruning.Open(model);
        var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
        pruning.Save(removal, half);
        return (double)GroupPruning.CostAfter(pruning.Dependencies, removal).Macs / ModelCost.Of(pruning.Graph).Macs;
    }

    private static void Row(Report report, string model, string half, int batch, int threads, double macs)
    {
        Workers.ThreadCount = threads;
        using var peer = new OrtPeer(model, batch, threads);
        var (whole, small) = (Open(model), Open(half));
        var x = Images(batch);
        Func<RunTime>[] contenders = [() => Ours(whole, x), peer.Run, () => Ours(small, x)];
        var times = Array.ConvertAll(contenders, _ => new List<RunTime>());
        for (var round = -WarmUp; round < Rounds; round++)
            for (var i = 0; i < contenders.Length; i++)
            {
                Settle();
                for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalSeconds < AwakeAfter;)
                    contenders[i]();
                var time = contenders[i]();
                if (round >= 0)
                    times[i].Add(time);
            }
        var name = Path.GetFileNameWithoutExtension(model);
        Write("clock", Array.ConvertAll(times, list => Median(list.Select(time => time.Wall))));
        Write("processor", Array.ConvertAll(times, list => list.Average(time => time.Processor)));

        void Write(string of, double[] t) => report.Row(name, $"{batch}", $"{threads}", of, $"{t[0] * 1e3:f1}", $"{t[1] * 1e3:f1}",
            $"{t[0] / t[1]:f2}", $"{t[2] * 1e3:f1}", $"{t[2] / t[0]:f2}", $"{t[2] / t[1]:f2}", $"{macs:f3}");
    }

    private static InferenceModule Open(string path)
    {
        using var file = OnnxFile.Open(path);
        var module = new OnnxModule(file);
        return module.Optimized(new TraceInput(module.Inputs[0].Name, Images(2), "batch"));
    }

    private static Tensor Images(int batch)
    {
        var x = Tensor.Empty([batch, 3, 224, 224]);
        var pixels = x.AsSpan<float>();
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = MathF.Sin(i);
        return x;
    }

    private static RunTime Ours(InferenceModule model, Tensor x)
    {
        using var scope = new TensorScope();
        var (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        model.Forward(x);
        return new(Stopwatch.GetElapsedTime(start).TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
    }
}
