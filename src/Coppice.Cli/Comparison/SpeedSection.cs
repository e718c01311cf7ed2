using System.Text.Json.Nodes;
using Coppice.Evaluation;

namespace Coppice.Cli.Comparison;

/// <summary>One kind of work timed in alternation.</summary>
/// <param name="key">Its name in JSON.</param>
/// <param name="what">Its name for people.</param>
/// <param name="times">Milliseconds of both.</param>
/// <param name="units">Units of work in one measurement (tokens, examples); 0 where only the time is of interest.</param>
/// <param name="unitName">What they are.</param>
internal sealed class SpeedSection(string key, string what, InterleavedTimes times, int units = 0, string unitName = "") : IComparisonSection
{
    private const int LoadRounds = 3;

    /// <summary>Opening both models.</summary>
    public static SpeedSection OfLoading(Action before, Action after) => new("load", "load", Interleaved.Measure(before, after, LoadRounds));

    public IEnumerable<KeyValuePair<string, JsonNode?>> ToJson() =>
        [new(key, new JsonObject { ["before"] = ToJson(times.A), ["after"] = ToJson(times.B), ["speedup"] = times.Speedup })];

    public IEnumerable<ComparisonRow> Rows()
    {
        yield return ComparisonRow.Of($"{what}, p50", times.A.P50, times.B.P50, Milliseconds);
        yield return ComparisonRow.Of($"{what}, p95", times.A.P95, times.B.P95, Milliseconds);
        if (units > 0)
            yield return ComparisonRow.Of($"{what}, {unitName}/s", Rate(times.A), Rate(times.B), rate => $"{rate:N0}");
    }

    public IEnumerable<string> Remarks() => [];

    private static string Milliseconds(double ms) => $"{ms:F2} ms";

    private double Rate(LatencyStatistics time) => time.P50 == 0 ? 0 : units * 1000 / time.P50;

    private JsonObject ToJson(LatencyStatistics time)
    {
        var json = new JsonObject { ["p50_ms"] = time.P50, ["p95_ms"] = time.P95 };
        if (units > 0)
            json[$"{unitName}_per_second"] = Rate(time);
        return json;
    }
}
