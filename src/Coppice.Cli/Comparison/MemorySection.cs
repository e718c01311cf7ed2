using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Coppice.Cli.Comparison;

/// <summary>Peak memory of loading and running each model, measured in a process of its own.</summary>
internal sealed class MemorySection(long? before, long? after) : IComparisonSection
{
    /// <summary>Runs <c>coppice measure-memory</c> once for each, with its path and options.</summary>
    public static MemorySection Measure(string[] before, string[] after) => new(PeakOf(before), PeakOf(after));

    public IEnumerable<KeyValuePair<string, JsonNode?>> ToJson() => [new("peak_memory_bytes", new JsonObject { ["before"] = before, ["after"] = after })];

    public IEnumerable<ComparisonRow> Rows() => before is { } a && after is { } b
        ? [ComparisonRow.Of("peak memory (own process)", a, b, bytes => Reports.Bytes((long)bytes))]
        : [];

    public IEnumerable<string> Remarks() => [];

    private static long? PeakOf(string[] arguments)
    {
        // A tool runs either as its own executable or as a library given to dotnet.
        var program = Environment.ProcessPath!;
        var isHost = Path.GetFileNameWithoutExtension(program) == "dotnet";
        using var process = Process.Start(new ProcessStartInfo(program,
            [.. isHost ? new[] { Environment.GetCommandLineArgs()[0] } : [], MeasureMemoryCommand.Name, .. arguments]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 && long.TryParse(output, out var bytes) ? bytes : null;
    }
}
