using System.Text.Json;
using System.Text.Unicode;
using Coppice.Tensors;

namespace Coppice.Checkpoints.SafeTensors;

/// <summary>One tensor of a header: where its bytes lie within the data.</summary>
internal sealed record SafeTensorsEntry(string Name, DType DType, Shape Shape, long Begin, long End);

/// <summary>A header, read strictly: every key known, none twice, sizes equal to shape times type.</summary>
internal sealed class SafeTensorsHeader
{
    /// <summary>Most axes of a tensor.</summary>
    public const int MaxRank = 64;

    private const string MetadataKey = "__metadata__";
    private readonly string _path;
    private readonly List<SafeTensorsEntry> _entries = [];
    private readonly Dictionary<string, string> _metadata = [];

    private SafeTensorsHeader(string path) => _path = path;

    /// <summary>The tensors in the order of the header.</summary>
    public IReadOnlyList<SafeTensorsEntry> Entries => _entries;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <exception cref="CheckpointException">The header is not as the format demands.</exception>
    public static SafeTensorsHeader Parse(string path, ReadOnlySpan<byte> json)
    {
        var header = new SafeTensorsHeader(path);
        if (!Utf8.IsValid(json))
            throw header.Error("the header is not UTF-8");
        try
        {
            header.ReadAll(new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 4 }));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw header.Error($"the header is not the JSON it should be ({error.Message.TrimEnd('.')})", error);
        }
        return header;
    }

    private void ReadAll(Utf8JsonReader json)
    {
        var names = new HashSet<string>();
        json.Read();
        Expect(json, JsonTokenType.StartObject, "the header");
        while (NextKey(ref json) is { } name)
        {
            if (!names.Add(name))
                throw Error($"the header names '{name}' twice");
            if (name == MetadataKey)
                ReadMetadata(ref json);
            else
                _entries.Add(ReadEntry(ref json, name));
        }
        if (json.Read())
            throw Error("the header goes on after its closing brace");
    }

    private void ReadMetadata(ref Utf8JsonReader json)
    {
        Expect(json, JsonTokenType.StartObject, MetadataKey);
        while (NextKey(ref json) is { } key)
        {
            Expect(json, JsonTokenType.String, $"{MetadataKey} '{key}'");
            if (!_metadata.TryAdd(key, json.GetString()!))
                throw Error($"{MetadataKey} names '{key}' twice");
        }
    }

    private SafeTensorsEntry ReadEntry(ref Utf8JsonReader json, string name)
    {
        Expect(json, JsonTokenType.StartObject, $"tensor '{name}'");
        (string? type, List<long>? shape, List<long>? offsets) = (null, null, null);
        while (NextKey(ref json) is { } key)
        {
            var isTwice = key switch { "dtype" => type is not null, "shape" => shape is not null, "data_offsets" => offsets is not null,
                _ => false };
            if (isTwice)
                throw Error($"tensor '{name}' has '{key}' twice");
            switch (key)
            {
                case "dtype":
                    Expect(json, JsonTokenType.String, $"dtype of '{name}'");
                    type = json.GetString();
                    break;
                case "shape":
                    shape = ReadNumbers(ref json, name, key, MaxRank);
                    break;
                case "data_offsets":
                    offsets = ReadNumbers(ref json, name, key, 2);
                    break;
                default:
                    throw Error($"tensor '{name}' has the unknown key '{key}'");
            }
        }
        if (type is null || shape is null || offsets is not [var begin, var end])
            throw Error($"tensor '{name}' lacks dtype, shape or data_offsets");
        return Check(name, type, shape, begin, end);
    }

    private SafeTensorsEntry Check(string name, string type, List<long> sizes, long begin, long end)
    {
        if (!SafeTensorsTypes.TryParse(type, out var dtype))
            throw Error($"tensor '{name}' has the unknown type '{type}'");
        if (begin > end)
            throw Error($"tensor '{name}' ends at byte {end}, before its beginning at {begin}");
        if (!TensorSizes.TryCreate(sizes, dtype, out var shape, out var byteLength))
            throw Error($"tensor '{name}' of shape [{string.Join(", ", sizes)}] and type {type} has no size this reader can address");
        if (byteLength != end - begin)
            throw Error($"tensor '{name}' of shape {shape} and type {type} needs {byteLength} bytes, but its offsets span {end - begin}");
        return new(name, dtype, shape, begin, end);
    }

    private List<long> ReadNumbers(ref Utf8JsonReader json, string name, string key, int limit)
    {
        Expect(json, JsonTokenType.StartArray, $"{key} of '{name}'");
        var numbers = new List<long>();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out var number) || number < 0)
                throw Error($"{key} of tensor '{name}' must hold whole numbers from 0 to 2^63-1");
            if (numbers.Count == limit)
                throw Error($"{key} of tensor '{name}' has more than {limit} entries");
            numbers.Add(number);
        }
        return numbers;
    }

    /// <summary>The next key, with the reader on its value; null at the object's end.</summary>
    private static string? NextKey(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.EndObject)
            return null;
        var key = json.GetString();
        json.Read();
        return key;
    }

    private void Expect(in Utf8JsonReader json, JsonTokenType token, string what)
    {
        if (json.TokenType != token)
        {
            var kind = token.ToString().Replace("Start", "", StringComparison.Ordinal).ToLowerInvariant();
            throw Error($"{what} should be a JSON {kind}, not {json.TokenType}");
        }
    }

    private CheckpointException Error(string problem, Exception? cause = null) =>
        new(_path, problem, "The file is damaged or was written by a faulty tool; download or export it again.", cause);
}
