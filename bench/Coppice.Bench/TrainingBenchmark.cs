using System.Diagnostics;
using System.Globalization;
using Coppice.Tensors.Kernels;
using static Coppice.Bench.Measure;

namespace Coppice.Bench;

/// <summary>One training step of the sample models against PyTorch: time and peak memory.</summary>
internal static class TrainingBenchmark
{
    private const int Rounds = 9;
    private const int WarmUp = 8;

    public static void Run(Report report)
    {
        report.Line("\nOne step of training: forward, cross-entropy, backward, AdamW (torch: fused GELU, foreach AdamW). Medians, taking "
            + "turns. CPU: processor time of all threads, which other programs on the machine disturb less than the clock. Memory: the most "
            + "either process had resident (VmHWM), ours in a process of its own.");
        report.Header("model", "threads", "torch ms", "ours ms", "ratio", "torch CPU ms", "ours CPU ms", "ratio",
            "share: forward", "backward", "AdamW", "torch MB", "ours MB");
        for (var threads = 1; threads <= Math.Min(2, Environment.ProcessorCount); threads++)
            foreach (var model in TrainingWork.All.Keys)
                Compare(report, model, threads);
        var load = File.ReadAllText("/proc/loadavg").Split(" ")[0];
        report.Line($"\nThe machine's load average at the end, this benchmark's own share of 1 to 2 included: {load}.");
    }

    /// <summary>Where our time goes, by op.</summary>
    public static void RunProfile(Report report)
    {
        Workers.ThreadCount = 1;
        foreach (var make in TrainingWork.All.Values)
        {
            var work = make();
            for (var step = 0; step < WarmUp; step++)
                work.Step();
            using var profile = new TrainingProfile();
            for (var step = 0; step < Rounds; step++)
                profile.Measure(work);
            report.Line($"\n## {work.Name}, 1 thread");
            profile.Write(report);
        }
    }

    /// <summary>Trains a few steps and prints the most memory that this process had resident, in kB.</summary>
    public static void PrintPeakMemory(string model, int threads)
    {
        Workers.ThreadCount = threads;
        var work = TrainingWork.All[model]();
        for (var step = 0; step < WarmUp + Rounds; step++)
            work.Step();
        var peak = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM", StringComparison.Ordinal));
        Console.WriteLine(peak.Split(':')[1]);
    }

    private static void Compare(Report report, string model, int threads)
    {
        Workers.ThreadCount = threads;
        var work = TrainingWork.All[model]();
        using var torch = new TorchPeer("training", threads, work.Options);
        var (peer, peerCpu, cpu) = (new double[Rounds], new double[Rounds], new double[Rounds]);
        var (forward, backward, update) = (new double[Rounds], new double[Rounds], new double[Rounds]);
        for (var round = -WarmUp; round < Rounds; round++)
        {
            var peerCpuBefore = torch.Seconds("cpu");
            var seconds = torch.Seconds("step");
            var peerCpuTime = torch.Seconds("cpu") - peerCpuBefore;
            var cpuBefore = Environment.CpuUsage.TotalTime;
            var started = Stopwatch.GetTimestamp();
            double afterForward = 0, afterBackward = 0;
            work.Step(_ => afterForward = Elapsed(started), () => afterBackward = Elapsed(started));
            if (round < 0)
                continue;
            (forward[round], backward[round], update[round]) =
                (afterForward, afterBackward - afterForward, Elapsed(started) - afterBackward);
            (peer[round], peerCpu[round], cpu[round]) = (seconds, peerCpuTime, (Environment.CpuUsage.TotalTime - cpuBefore).TotalSeconds);
        }
        var ours = Median([.. forward.Zip(backward, update).Select(parts => parts.First + parts.Second + parts.Third)]);
        report.Row(work.Name, $"{threads}", $"{Median(peer) * 1e3:f1}", $"{ours * 1e3:f1}", $"{Median(peer) / ours:f2}",
            $"{Median(peerCpu) * 1e3:f1}", $"{Median(cpu) * 1e3:f1}", $"{Median(peerCpu) / Median(cpu):f2}",
            $"{Median(forward) / ours:P0}", $"{Median(backward) / ours:P0}", $"{Median(update) / ours:P0}",
            Megabytes(torch.Answer("memory")), Megabytes(PeakMemory(model, threads)));
    }

    private static double Elapsed(long started) => Stopwatch.GetElapsedTime(started).TotalSeconds;

    private static string PeakMemory(string model, int threads)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["training-memory", model, $"{threads}"]) { RedirectStandardOutput = true };
        using var child = Process.Start(start)!;
        return child.StandardOutput.ReadToEnd();
    }

    // "  123456 kB" of /proc.
    private static string Megabytes(string kilobytes) =>
        $"{int.Parse(kilobytes.Trim().Split(' ')[0], CultureInfo.InvariantCulture) / 1024}";
}
