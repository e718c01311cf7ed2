using System.Diagnostics;
using System.Text.Json.Nodes;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;
using static Coppice.Bench.Measure;

namespace Coppice.Bench;

/// <summary>Convolutions of ResNets, forward, against both memory layouts of PyTorch.</summary>
internal static class ConvBenchmark
{
    private const int Rounds = 7;
    private const double RoundSeconds = 0.06;

    private static readonly (string Name, ConvShape Shape)[] Cases =
    [
        ("ResNet 3x3, 64", new(1, 64, 56, 56, 64, 3, 3, 1, 1, 1, 1)),
        ("ResNet 3x3, 128", new(1, 128, 28, 28, 128, 3, 3, 1, 1, 1, 1)),
        ("ResNet 3x3, 256", new(1, 256, 14, 14, 256, 3, 3, 1, 1, 1, 1)),
        ("ResNet 3x3, 64, batch 16", new(16, 64, 56, 56, 64, 3, 3, 1, 1, 1, 1)),
        ("ResNet 3x3 stride 2", new(8, 64, 56, 56, 128, 3, 3, 2, 1, 1, 1)),
        ("ResNet 1x1, 256 to 64", new(1, 256, 56, 56, 64, 1, 1, 1, 0, 1, 1)),
        ("ResNet stem 7x7 stride 2", new(1, 3, 224, 224, 64, 7, 7, 2, 3, 1, 1)),
        ("CIFAR 16 at 32", new(128, 16, 32, 32, 16, 3, 3, 1, 1, 1, 1)),
        ("CIFAR 32 at 16", new(128, 32, 16, 16, 32, 3, 3, 1, 1, 1, 1)),
        ("CIFAR 64 at 8", new(128, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1)),
        ("MobileNet depthwise 3x3, 144", new(1, 144, 56, 56, 144, 3, 3, 1, 1, 1, 144)),
    ];

    /// <summary>All convolutions, or those whose names hold a part.</summary>
    public static void Run(Report report, string part = "")
    {
        report.Line("\nForward, float32, no bias, weights of the second use on (kept arranged on our side).");
        report.Line("Peer: PyTorch, NCHW and channels_last; medians, taking turns, each after a pause and a turn to warm up.");
        for (var threads = 1; threads <= Math.Min(2, Environment.ProcessorCount); threads++)
        {
            report.Line($"\n## {threads} thread{(threads > 1 ? "s" : "")}");
            report.Header("convolution", "x", "torch NCHW GFLOP/s", "torch channels_last", "ours", "ratio to NCHW", "ratio to the best");
            foreach (var (name, shape) in Cases.Where(test => test.Name.Contains(part, StringComparison.Ordinal)))
                Measure(report, name, shape, threads);
        }
    }

    private static void Measure(Report report, string name, ConvShape shape, int threads)
    {
        Workers.ThreadCount = threads;
        var work = 2.0 * shape.Batch * shape.Outputs * shape.Pixels * shape.Depth;
        var calls = Math.Max(1, (int)(RoundSeconds * (shape.IsDepthwise ? 1e10 : 1e11) / work));
        var (x, weight) = (Tensor.Full([shape.Batch, shape.Channels, shape.Height, shape.Width], 0.5f),
            Tensor.Full([shape.Outputs, shape.GroupChannels, shape.KernelHeight, shape.KernelWidth], 0.01f));
        using var torch = new TorchPeer("conv", threads, new JsonObject
        {
            ["x"] = new JsonArray([.. x.Shape]),
            ["weight"] = new JsonArray([.. weight.Shape]),
            ["stride"] = shape.Stride,
            ["padding"] = shape.Padding,
            ["groups"] = shape.Groups,
            ["calls"] = calls,
        });
        var (planar, last, ours) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = -1; round < Rounds; round++)
        {
            double[] times = [Second(() => torch.Seconds("nchw")), Second(() => Ours(x, weight, shape, calls)),
                Second(() => torch.Seconds("channels_last"))];
            if (round < 0)
                continue; // warm-up
            planar.Add(times[0]);
            ours.Add(times[1]);
            last.Add(times[2]);
        }
        var (p, l, o) = (Median(planar), Median(last), Median(ours));
        string Speed(double seconds) => $"{work * calls / seconds / 1e9:f0}";
        report.Row(name, $"{x.Shape}", Speed(p), Speed(l), Speed(o), $"{p / o:f2}", $"{Math.Min(p, l) / o:f2}");
    }

    /// <summary>The second of two turns: in the first, threads wake up.</summary>
    private static double Second(Func<double> turn)
    {
        Settle();
        turn();
        return turn();
    }

    private static double Ours(Tensor x, Tensor weight, ConvShape shape, int calls)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < calls; i++)
        {
            using var scope = new TensorScope();
            x.Conv2d(weight, null, shape.Stride, shape.Padding, shape.Dilation, shape.Groups);
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
