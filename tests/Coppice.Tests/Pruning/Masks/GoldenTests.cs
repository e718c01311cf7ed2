using System.Text.Json;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

/// <summary>Every case computed by PyTorch 1.13, under both semantics.</summary>
public sealed class GoldenTests
{
    public static TheoryData<string, PruneSemantics> Single => Cases(c => c.TryGetProperty("mask", out _));

    public static TheoryData<string, PruneSemantics> Global => Cases(c => c.TryGetProperty("masks", out _));

    public static TheoryData<string, PruneSemantics> Failing => Cases(c => c.TryGetProperty("error", out _));

    [Fact]
    public void Cases_AreAllRun() => Assert.Equal(2 * 286, Single.Count + Global.Count + Failing.Count);

    [Theory]
    [MemberData(nameof(Single))]
    public void Chain_OnOneTensor_GivesTorchsMask(string id, PruneSemantics semantics)
    {
        var golden = GoldenCases.All[id];
        var module = new Holder(GoldenCases.Read(golden.GetProperty("tensor").GetString()!));
        var before = module.Weight.Data.ToArray<float>();
        Run(golden, module, semantics);

        var expected = GoldenCases.Read(golden.GetProperty("mask").GetString()!);
        Assert.Equal(expected.ToArray<float>(), module.Mask);
        Assert.Equal(golden.GetProperty("zeros").GetInt32(), module.Mask.Count(m => m == 0));
        Assert.Equal(golden.GetProperty("state_dict_keys").EnumerateArray().Select(k => k.GetString()), module.StateDict().Keys);
        Assert.Equal(before, module.StateDict()["weight_orig"].ToArray<float>());

        Prune.Remove(module, "weight");
        Assert.Equal(["weight"], module.StateDict().Keys);
        var kept = expected.ToArray<float>();
        Assert.Equal(before.Select((value, i) => Bits(semantics == PruneSemantics.Strict && kept[i] == 0 ? 0f : value * kept[i])),
            module.Weight.Data.ToArray<float>().Select(Bits));
    }

    [Theory]
    [MemberData(nameof(Global))]
    public void GlobalUnstructured_GivesTorchsMasks(string id, PruneSemantics semantics)
    {
        var golden = GoldenCases.All[id];
        var names = golden.GetProperty("tensors").EnumerateArray().Select(t => t.GetString()!).ToList();
        var modules = names.ConvertAll(name => new Holder(GoldenCases.Read("global." + name)));
        foreach (var call in golden.GetProperty("pre").EnumerateObject())
            Method(call.Value, null, semantics).Apply(modules[int.Parse(call.Name)], "weight");
        var scores = golden.GetProperty("scores").EnumerateObject()
            .ToDictionary(s => ((Module)modules[int.Parse(s.Name)], "weight"), s => GoldenCases.Read(s.Value.GetString()!));
        var method = new L1Unstructured(Amount(golden.GetProperty("chain")[0])) { Semantics = semantics };

        Prune.GlobalUnstructured(modules.Select(m => ((Module)m, "weight")), method, scores);

        for (var i = 0; i < modules.Count; i++)
        {
            Assert.Equal(GoldenCases.Read(golden.GetProperty("masks")[i].GetString()!).ToArray<float>(), modules[i].Mask);
            Assert.Equal(golden.GetProperty("zeros")[i].GetInt32(), modules[i].Mask.Count(m => m == 0));
        }
    }

    [Theory]
    [MemberData(nameof(Failing))]
    public void Chain_ThatTorchRefuses_IsRefusedForTheSameCause(string id, PruneSemantics semantics)
    {
        var golden = GoldenCases.All[id];
        var module = new Holder(GoldenCases.Read(golden.GetProperty("tensor").GetString()!));
        var before = module.Weight.Data;

        var error = Record.Exception(() => Run(golden, module, semantics));

        var (type, cause) = Expected(golden.GetProperty("message").GetString()!, golden.GetProperty("chain")[0]);
        Assert.IsType(type, error);
        Assert.Contains(cause, error.Message);
        Assert.Null(module.Weight.Mask);
        Assert.Same(before, module.Weight.Data);
    }

    /// <summary>Torch's cause as an exception type and words that its message holds.</summary>
    private static (Type Type, string Cause) Expected(string message, JsonElement call) => message switch
    {
        _ when message.Contains("Invalid type for amount") => (typeof(PruningException), $"'{call.GetProperty("amount")}'"),
        _ when message.Contains("non-negative integer") => (typeof(PruningException), call.GetProperty("amount").GetRawText()),
        _ when message.Contains("should be smaller than") => (typeof(PruningException), message[(message.IndexOf("prune=") + 6)..]),
        _ when message.Contains("multidimensional") => (typeof(ArgumentException), "two axes or more"),
        _ when message.Contains("index", StringComparison.OrdinalIgnoreCase) => (typeof(ArgumentOutOfRangeException), "choose an axis"),
        _ => throw new InvalidOperationException($"No expectation for '{message}'."),
    };

    private static void Run(JsonElement golden, Holder module, PruneSemantics semantics)
    {
        var random = golden.TryGetProperty("torch_manual_seed", out var seed) ? new RandomSource(seed.GetInt64()) : null;
        foreach (var call in golden.GetProperty("chain").EnumerateArray())
        {
            var scores = call.TryGetProperty("scores", out var name) ? GoldenCases.Read(name.GetString()!) : null;
            Method(call, random, semantics).Apply(module, "weight", scores);
        }
    }

    private static BasePruningMethod Method(JsonElement call, RandomSource? random, PruneSemantics semantics) =>
        call.GetProperty("op").GetString() switch
        {
            "identity" => new Identity { Semantics = semantics },
            "l1_unstructured" => new L1Unstructured(Amount(call)) { Semantics = semantics },
            "random_unstructured" => new RandomUnstructured(Amount(call), random!) { Semantics = semantics },
            "ln_structured" => new LnStructured(Amount(call), Norm(call.GetProperty("n")), Dim(call)) { Semantics = semantics },
            "random_structured" => new RandomStructured(Amount(call), random!, Dim(call)) { Semantics = semantics },
            "custom_from_mask" => new CustomFromMask(GoldenCases.Read(call.GetProperty("mask").GetString()!)) { Semantics = semantics },
            var other => throw new InvalidOperationException($"Unknown op '{other}'."),
        };

    /// <summary>
    /// A JSON string stays text, which only <see cref="PruneAmount.Parse"/> takes: the conversions refuse it at compile time.
    /// </summary>
    private static PruneAmount Amount(JsonElement call)
    {
        var amount = call.GetProperty("amount");
        return PruneAmount.Parse(amount.ValueKind == JsonValueKind.String ? amount.GetString()! : amount.GetRawText());
    }

    private static int Dim(JsonElement call) => call.GetProperty("dim").GetInt32();

    private static double Norm(JsonElement n) => n.ValueKind == JsonValueKind.Number ? n.GetDouble() : n.GetString() switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        _ => 2, // fro
    };

    private static int Bits(float value) => BitConverter.SingleToInt32Bits(value);

    private static TheoryData<string, PruneSemantics> Cases(Func<JsonElement, bool> belongs)
    {
        var data = new TheoryData<string, PruneSemantics>();
        foreach (var (id, golden) in GoldenCases.All)
            if (belongs(golden))
            {
                data.Add(id, PruneSemantics.Strict);
                data.Add(id, PruneSemantics.Torch);
            }
        return data;
    }
}
