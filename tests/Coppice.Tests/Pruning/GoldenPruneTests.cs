using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Streaming;
using Coppice.Pruning;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning;

/// <summary>Every case of tests/Golden/prune that is one first call: masks and bytes as PyTorch gives them.</summary>
public sealed class GoldenPruneTests
{
    private static readonly Lazy<Dictionary<string, MemoryTensor>> Tensors = new(ReadTensors);
    private static readonly Lazy<JsonElement[]> AllCases = new(() =>
        [.. JsonDocument.Parse(File.ReadAllText(TestData.InRepository("tests", "Golden", "prune",
            "cases.json"))).RootElement.GetProperty("cases").EnumerateArray()]);

    public static TheoryData<string> MaskCases => [.. FirstCalls().Where(c => !c.TryGetProperty("error", out _)).Select(Id)];

    public static TheoryData<string> ErrorCases => [.. FirstCalls().Where(c => c.TryGetProperty("error", out _)).Select(Id)];

    [Fact]
    public void Cases_OfOneFirstCall_AreAllCovered()
    {
        Assert.Equal(100 + 116 + 9 + 5, MaskCases.Count);
        Assert.Equal(9, ErrorCases.Count);
    }

    [Theory]
    [MemberData(nameof(MaskCases))]
    public void Case_UnderTorchSemantics_EqualsWeightTimesMask(string id)
    {
        var (inputs, masks, result) = Run(id, PruneSemantics.Torch);
        for (var t = 0; t < inputs.Length; t++)
            PruneHelper.AssertSame(Masked(inputs[t], masks[t], keepSign: true), MemoryTensor.AllBytes(result.Tensors[t]));
    }

    [Theory]
    [MemberData(nameof(MaskCases))]
    public void Case_UnderStrictSemantics_PrunesTheSameToPositiveZero(string id)
    {
        if (Call(id).GetProperty("op").GetString()!.StartsWith("random", StringComparison.Ordinal))
            return;
        var (inputs, masks, result) = Run(id, PruneSemantics.Strict);
        for (var t = 0; t < inputs.Length; t++)
            PruneHelper.AssertSame(Masked(inputs[t], masks[t], keepSign: false), MemoryTensor.AllBytes(result.Tensors[t]));
    }

    [Theory]
    [MemberData(nameof(ErrorCases))]
    public void Case_ThatTorchRefuses_IsRefused(string id) => Assert.Throws<PruningException>(() => Run(id, PruneSemantics.Torch));

    private static (MemoryTensor[] Inputs, MemoryTensor[] Masks, PruneResult Result) Run(string id, PruneSemantics semantics)
    {
        var golden = Find(id);
        var call = Call(id);
        var isGlobal = golden.TryGetProperty("tensors", out var names);
        MemoryTensor[] inputs = isGlobal
            ? [.. names.EnumerateArray().Select(n => Tensors.Value["global." + n.GetString()])]
            : [Tensors.Value[golden.GetProperty("tensor").GetString()!]];
        var request = new PruneRequest(Method(call), PruneAmount.Parse(call.GetProperty("amount").ToString()))
        {
            Scope = isGlobal ? PruneScope.Global : PruneScope.PerTensor,
            Semantics = semantics,
            Seed = golden.TryGetProperty("torch_manual_seed", out var seed) ? seed.GetInt64() : 0,
        };
        var result = Pruner.Prune(PruneHelper.All([.. inputs]), request);
        MemoryTensor[] masks = isGlobal
            ? [.. golden.GetProperty("masks").EnumerateArray().Select(n => Tensors.Value[n.GetString()!])]
            : [Tensors.Value[golden.GetProperty("mask").GetString()!]];
        return (inputs, masks, result);
    }

    private static PruningMethod Method(JsonElement call) => call.GetProperty("op").GetString() switch
    {
        "l1_unstructured" or "global_unstructured" => new MagnitudePruning(),
        "random_unstructured" => new RandomPruning(),
        "random_structured" => new RandomChannelPruning(call.GetProperty("dim").GetInt32()),
        _ => new ChannelNormPruning(Norm(call.GetProperty("n").ToString()), call.GetProperty("dim").GetInt32()),
    };

    private static double Norm(string n) => n switch
    {
        "fro" => 2,
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        _ => double.Parse(n, CultureInfo.InvariantCulture),
    };

    private static byte[] Masked(MemoryTensor input, MemoryTensor mask, bool keepSign)
    {
        var expected = (byte[])input.Bytes.Clone();
        for (var i = 0; i < expected.Length; i += sizeof(float))
            if (BitConverter.ToSingle(mask.Bytes, i) == 0)
                BitConverter.TryWriteBytes(expected.AsSpan(i), keepSign ? BitConverter.ToSingle(expected, i) * 0f : 0f);
        return expected;
    }

    /// <summary>Later calls on an already masked weight, and scores other than the weights, need a live module.</summary>
    private static IEnumerable<JsonElement> FirstCalls() => AllCases.Value.Where(c =>
        c.GetProperty("chain").GetArrayLength() == 1
        && !c.GetProperty("chain")[0].TryGetProperty("scores", out _)
        && c.GetProperty("chain")[0].GetProperty("op").GetString() != "custom_from_mask"
        && (!c.TryGetProperty("pre", out var pre) || !pre.EnumerateObject().Any())
        && (!c.TryGetProperty("scores", out var scores) || !scores.EnumerateObject().Any()));

    private static string Id(JsonElement golden) => golden.GetProperty("id").GetString()!;

    private static JsonElement Find(string id) => AllCases.Value.Single(c => Id(c) == id);

    private static JsonElement Call(string id) => Find(id).GetProperty("chain")[0];

    private static Dictionary<string, MemoryTensor> ReadTensors()
    {
        var file = File.ReadAllBytes(TestData.InRepository("tests", "Golden", "prune", "tensors.safetensors"));
        var start = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, start - 8));
        return header.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__").ToDictionary(entry => entry.Name, entry =>
        {
            var offsets = entry.Value.GetProperty("data_offsets");
            return new MemoryTensor(entry.Name, DType.F32,
                Shape.Create([.. entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())]),
                file[(start + offsets[0].GetInt32())..(start + offsets[1].GetInt32())]);
        });
    }
}
