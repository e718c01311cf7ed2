using System.Text.Json.Nodes;

namespace Coppice.Cli.Comparison;

/// <summary>Says that models were compared as files alone.</summary>
/// <param name="why">Why, as the end of a sentence without a full stop.</param>
internal sealed class NotComparedSection(string why) : IComparisonSection
{
    public IEnumerable<KeyValuePair<string, JsonNode?>> ToJson() => [new("not_run", why)];

    public IEnumerable<ComparisonRow> Rows() => [];

    public IEnumerable<string> Remarks() => [$"Speed, memory and outputs were not compared: {why}."];
}
