using System.Text.Json.Nodes;
using Coppice.Evaluation;

namespace Coppice.Cli.Comparison;

/// <summary>Sizes, parameters and zeros.</summary>
/// <param name="files">Both.</param>
/// <param name="areOfOneKind">Whether tensors that one has alone say something of the model: ONNX files hold constants of the computation
/// too.</param>
internal sealed class CheckpointSection(CheckpointComparison files, bool areOfOneKind) : IComparisonSection
{
    private const int ListedTensors = 12;

    public IEnumerable<KeyValuePair<string, JsonNode?>> ToJson() =>
    [
        new("files", new JsonObject { ["before"] = ToJson(files.Before), ["after"] = ToJson(files.After) }),
        new("tensors", new JsonArray([.. files.Tensors.Select(tensor => new JsonObject
        {
            ["name"] = tensor.Name,
            ["elements"] = (tensor.After ?? tensor.Before)!.Elements,
            ["sparsity_before"] = tensor.Before?.Sparsity,
            ["sparsity_after"] = tensor.After?.Sparsity,
        })])),
    ];

    public IEnumerable<ComparisonRow> Rows()
    {
        var (before, after) = (files.Before, files.After);
        yield return ComparisonRow.Of("size on disk", before.Bytes, after.Bytes, bytes => Reports.Bytes((long)bytes));
        yield return ComparisonRow.Of("size compressed (gzip)", before.GzipBytes, after.GzipBytes, bytes => Reports.Bytes((long)bytes));
        yield return ComparisonRow.Of("parameters", before.Parameters, after.Parameters, n => $"{n:N0}");
        yield return new("zeros", $"{before.Zeros:N0}", $"{after.Zeros:N0}");
        yield return new("sparsity", Reports.Percent(before.Sparsity), Reports.Percent(after.Sparsity));
        var changed = files.Tensors.Where(tensor => tensor.Before?.Zeros != tensor.After?.Zeros
            && (areOfOneKind || tensor is { Before: not null, After: not null })).ToList();
        foreach (var tensor in changed.Take(ListedTensors))
            yield return new($"  {tensor.Name}", Sparsity(tensor.Before), Sparsity(tensor.After));
        if (changed.Count > ListedTensors)
            yield return new($"  ... and {changed.Count - ListedTensors} more (--json lists all)", "", "");
    }

    public IEnumerable<string> Remarks()
    {
        if (files.After.Parameters == files.Before.Parameters && files.After.Zeros > files.Before.Zeros)
            yield return "The zeros are stored and multiplied like any other number: they don't make dense kernels faster or the file smaller. "
                + "They compress, and they are what removing channels or sparse kernels start from.";
    }

    private static string Sparsity(Coppice.Checkpoints.TensorStatistics? statistics) => statistics is null ? "absent" : Reports.Percent(statistics.Sparsity);

    private static JsonObject ToJson(CheckpointSize size) => new()
    {
        ["bytes"] = size.Bytes,
        ["gzip_bytes"] = size.GzipBytes,
        ["parameters"] = size.Parameters,
        ["zeros"] = size.Zeros,
        ["sparsity"] = size.Sparsity,
    };
}
