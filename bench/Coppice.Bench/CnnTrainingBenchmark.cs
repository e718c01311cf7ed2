using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Coppice.Models.Vision;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;
using Coppice.Training;
using static Coppice.Bench.Measure;

namespace Coppice.Bench;

/// <summary>One training step of CIFAR's ResNet-20 against both memory layouts of PyTorch, and where its time goes.</summary>
internal static class CnnTrainingBenchmark
{
    private const int Rounds = 15;
    private const int Batch = 128;

    public static void Run(Report report)
    {
        report.Line($"\nResNet-20, {Batch} images [3, 32, 32]: forward, cross-entropy, backward, SGD with momentum and weight decay. "
            + $"Medians of {Rounds} steps, taking turns, and the fastest ones' ratio, which others on the machine disturb less. "
            + "Peak memory: resident, of each process, programs included.");
        report.Header("threads", "torch NCHW ms", "torch channels_last", "ours", "ratio to NCHW", "ratio to the best", "of the fastest",
            "torch peak MB, NCHW", "channels_last", "ours");
        var step = new Step();
        for (var threads = 1; threads <= Math.Min(2, Environment.ProcessorCount); threads++)
            Compare(report, step, threads);
        for (var threads = 1; threads <= Math.Min(2, Environment.ProcessorCount); threads++)
            Profile(report, step, threads);
    }

    private static void Compare(Report report, Step step, int threads)
    {
        Workers.ThreadCount = threads;
        JsonObject Options(bool last) => new() { ["model"] = "resnet20", ["batch"] = Batch, ["channels_last"] = last };
        using var planar = new TorchPeer("training", threads, Options(false));
        using var last = new TorchPeer("training", threads, Options(true));
        var times = new double[3][];
        for (var i = 0; i < times.Length; i++)
            times[i] = new double[Rounds];
        for (var round = -2; round < Rounds; round++) // the first two warm up
        {
            double[] now = [planar.Seconds("step"), step.Seconds(), last.Seconds("step")];
            for (var i = 0; i < now.Length && round >= 0; i++)
                times[i][round] = now[i];
        }
        var (p, o, l) = (Median(times[0]), Median(times[1]), Median(times[2]));
        string Ms(double seconds) => $"{seconds * 1e3:f0}";
        string Peak(TorchPeer peer) => $"{double.Parse(peer.Answer("peak"), CultureInfo.InvariantCulture) / 1e6:f0}";
        report.Row($"{threads}", Ms(p), Ms(l), Ms(o), $"{p / o:f2}", $"{Math.Min(p, l) / o:f2}",
            $"{Math.Min(times[0].Min(), times[2].Min()) / times[1].Min():f2}", Peak(planar), Peak(last),
            $"{Process.GetCurrentProcess().PeakWorkingSet64 / 1e6:f0}");
    }

    private static void Profile(Report report, Step step, int threads)
    {
        const int passes = 9;
        Workers.ThreadCount = threads;
        using var times = new OpTimes();
        for (var pass = 0; pass < passes; pass++)
        {
            using var scope = new TensorScope();
            times.BeginPass();
            step.Loss();
            times.Differentiate();
        }
        report.Line($"\n## By op, {threads} thread{(threads > 1 ? "s" : "")}, ms of a step, the fastest of {passes}");
        report.Header("op", "times", "forward", "backward");
        foreach (var (op, count, forward, backward) in times.Milliseconds().Where(row => row.Forward + row.Backward > 0.1))
            report.Row(op, $"{count}", $"{forward:f1}", $"{backward:f1}");
    }

    /// <summary>The model, its data and its optimizer.</summary>
    private sealed class Step
    {
        private readonly CifarResNet _model = new(3, 10);
        private readonly Sgd _optimizer;
        private readonly Tensor _images = Random([Batch, 3, 32, 32], new RandomSource(1), 1);
        private readonly Tensor _labels = Tensor.From<long>([.. Enumerable.Range(0, Batch).Select(i => i % 10L)], [Batch]);

        public Step()
        {
            var random = new RandomSource(2);
            foreach (var (_, parameter) in _model.NamedParameters())
                if (parameter.Shape.Rank > 1)
                    parameter.Data.CopyFrom(Random(parameter.Shape, random, MathF.Sqrt(2f * parameter.Shape[0] / parameter.Shape.Count)));
            _model.Train();
            _optimizer = new Sgd(_model, 0.1, 1e-4) { Momentum = 0.9 };
        }

        public Tensor Loss() => _model.Forward(_images).CrossEntropy(_labels);

        public double Seconds()
        {
            var start = Stopwatch.GetTimestamp();
            using (var tape = new Tape())
                tape.Backward(Loss());
            _optimizer.Step();
            _optimizer.ZeroGradients();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        private static Tensor Random(Shape shape, RandomSource random, float deviation)
        {
            var tensor = Tensor.Empty(shape);
            foreach (ref var value in tensor.AsSpan<float>())
                value = (2 * random.NextSingle() - 1) * 1.7320508f * deviation; // uniform, of that deviation
            return tensor;
        }
    }
}
