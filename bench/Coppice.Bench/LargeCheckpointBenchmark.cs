using System.Diagnostics;

namespace Coppice.Bench;

/// <summary>The command line on 13 GB of BF16 shards: time against cp, and the anonymous memory it takes.</summary>
internal static class LargeCheckpointBenchmark
{
    private const int Rounds = 2;

    public static void Run(Report report)
    {
        var folder = Environment.GetEnvironmentVariable("COPPICE_BENCH_LLAMA") ?? Path.Combine(Path.GetTempPath(), "coppice-bench-llama-7b");
        if (!File.Exists(Path.Combine(folder, "config.json")))
            SyntheticCheckpoint.MakeLlama7B(folder);
        report.Line("\nLlama-2-7B's shapes, BF16 in shards of 5 GB; coppice prune --scope global --amount 0.5 against cp -r; taking turns.");
        report.Line("RssAnon is read from /proc twenty times a second. COPPICE_BENCH_LLAMA names the folder, made where it is missing.");
        report.Header("round", "cp s", "coppice prune s", "ratio", "peak RssAnon MB");
        for (var round = 1; round <= Rounds; round++)
        {
            var (copy, _) = Run(folder, "cp", "-r", folder, folder + "-out");
            var (prune, anonymous) = Run(folder, "dotnet", Cli, "prune", folder, "-o", folder + "-out", "--scope", "global", "--amount", "0.5", "--quiet", "--json");
            report.Row($"{round}", $"{copy:f1}", $"{prune:f1}", $"{prune / copy:f2}", $"{anonymous / 1024.0:f0}");
        }
    }

    private static string Cli => Path.Combine(Report.Root, "src", "Coppice.Cli", "bin", "Release", "net10.0", "Coppice.Cli.dll");

    private static (double Seconds, long AnonymousKilobytes) Run(string folder, string program, params string[] arguments)
    {
        if (Directory.Exists(folder + "-out"))
            Directory.Delete(folder + "-out", recursive: true);
        using var sync = Process.Start("sync");
        sync.WaitForExit();
        var start = Stopwatch.GetTimestamp();
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        long peak = 0;
        while (!process.WaitForExit(50))
            peak = Math.Max(peak, RssAnon(process.Id));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        output.Wait();
        Directory.Delete(folder + "-out", recursive: true);
        return process.ExitCode == 0 ? (seconds, peak) : throw new InvalidOperationException($"{program} ended with {process.ExitCode}.");
    }

    private static long RssAnon(int process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(text => text.StartsWith("RssAnon:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
        }
        catch (IOException)
        {
            return 0; // it ended meanwhile
        }
    }
}
