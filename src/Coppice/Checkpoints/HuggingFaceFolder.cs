using System.Text.Json;
using System.Text.Json.Nodes;

namespace Coppice.Checkpoints;

/// <summary>How weights lie in a folder: which files hold them, and the index that says which shard has which tensor.</summary>
internal sealed record HuggingFaceFolder(string Path, IReadOnlyList<string> WeightFiles, string? IndexFile)
{
    private static readonly string[] Extensions = [".safetensors", ".bin", ".pt", ".pth", ".th"];
    private static readonly string[] NotWeights =
        ["training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.bin", "scheduler.pt", "scaler.pt"];

    /// <summary>Tensor name to shard, from the index; empty without one.</summary>
    public IReadOnlyDictionary<string, string> WeightMap { get; private init; } = new Dictionary<string, string>();

    /// <summary>The index's own metadata, such as <c>total_size</c>.</summary>
    public JsonObject IndexMetadata { get; private init; } = [];

    /// <summary>Finds the weights of a folder, preferring safetensors, and one file over shards.</summary>
    /// <exception cref="CheckpointException">There are none, several candidates, or a damaged index.</exception>
    public static HuggingFaceFolder Open(string path)
    {
        foreach (var format in Enum.GetValues<CheckpointFormat>())
        {
            if (File.Exists(System.IO.Path.Combine(path, StandardName(format))))
                return new(path, [StandardName(format)], null);
            if (File.Exists(System.IO.Path.Combine(path, IndexName(format))))
                return OpenIndex(path, IndexName(format));
        }
        string[] candidates = [.. Directory.EnumerateFiles(path).Select(file => System.IO.Path.GetFileName(file)!)
            .Where(IsCandidate).Order(StringComparer.Ordinal)];
        return candidates switch
        {
            [var only] => new(path, [only], null),
            [] => throw new CheckpointException(path, "the folder holds no weights",
                "It should have model.safetensors or pytorch_model.bin, their index and shards, "
                + "or one other .safetensors, .bin, .pt, .pth or .th file."),
            _ => throw new CheckpointException(path,
                $"the folder holds several files that may be the weights: {string.Join(", ", candidates)}", "Give one of them."),
        };
    }

    /// <summary>The file name that Hugging Face code looks for.</summary>
    public static string StandardName(CheckpointFormat format) => $"{Stem(format)}{Extension(format)}";

    /// <summary>The name of the index of shards.</summary>
    public static string IndexName(CheckpointFormat format) => $"{StandardName(format)}.index.json";

    /// <summary>The name of one shard, counted from 1.</summary>
    public static string ShardName(CheckpointFormat format, int shard, int count) =>
        $"{Stem(format)}-{shard:D5}-of-{count:D5}{Extension(format)}";

    /// <summary>Whether a file would be stale beside new weights: it holds the same model in this or another format.</summary>
    public bool IsModelFile(string fileName) => WeightFiles.Contains(fileName) || fileName == IndexFile
        || fileName is "tf_model.h5" or "flax_model.msgpack"
        || Enum.GetValues<CheckpointFormat>().Any(format => fileName == StandardName(format) || fileName == IndexName(format)
            || fileName.StartsWith($"{Stem(format)}-", StringComparison.Ordinal) && fileName.Contains("-of-", StringComparison.Ordinal)
            && fileName.EndsWith(Extension(format), StringComparison.Ordinal));

    private static string Stem(CheckpointFormat format) => format == CheckpointFormat.SafeTensors ? "model" : "pytorch_model";

    private static string Extension(CheckpointFormat format) => format == CheckpointFormat.SafeTensors ? ".safetensors" : ".bin";

    private static bool IsCandidate(string fileName) =>
        Extensions.Contains(System.IO.Path.GetExtension(fileName)) && !NotWeights.Contains(fileName)
        && !fileName.StartsWith("rng_state", StringComparison.Ordinal) && !fileName.StartsWith('.');

    private static HuggingFaceFolder OpenIndex(string path, string indexName)
    {
        var file = System.IO.Path.Combine(path, indexName);
        JsonNode? index;
        try
        {
            index = JsonNode.Parse(File.ReadAllBytes(file), documentOptions: new() { AllowDuplicateProperties = false });
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(file, $"the index can't be read ({error.Message.TrimEnd('.')})", "Download it again.", error);
        }
        if (index is not JsonObject { } root || root["weight_map"] is not JsonObject { Count: > 0 } entries)
            throw new CheckpointException(file, "the index has no object named weight_map", "Download it again.");
        var map = entries.ToDictionary(entry => entry.Key, entry => CheckShard(file, entry.Key, entry.Value));
        string[] shards = [.. map.Values.Distinct().Order(StringComparer.Ordinal)];
        return new(path, shards, indexName)
        {
            WeightMap = map,
            IndexMetadata = root["metadata"]?.DeepClone() as JsonObject ?? [],
        };
    }

    /// <summary>A shard must be a file beside the index; names that lead elsewhere are refused.</summary>
    private static string CheckShard(string index, string tensor, JsonNode? value)
    {
        var shard = value?.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : "";
        if (shard is "" or "." or ".." || shard.AsSpan().ContainsAny('/', '\\', '\0'))
            throw new CheckpointException(index,
                $"tensor '{tensor}' is mapped to {value?.ToJsonString() ?? "null"}, which is not the name of a file beside the index",
                "Download the index again.");
        return shard;
    }
}
