using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Modules;

public sealed class StateDictLoaderTests
{
    [Fact]
    public void Load_OfAnothersState_CopiesEveryTensor()
    {
        var (source, target) = (Filled(), new Tied());
        var report = target.LoadStateDict(source.StateDict());
        Assert.Empty(report.Missing);
        Assert.Empty(report.Unexpected);
        foreach (var (name, tensor) in source.StateDict())
        {
            Assert.Equal(tensor.ToArray<float>(), target.StateDict()[name].ToArray<float>());
            Assert.False(tensor.SharesMemoryWith(target.StateDict()[name]));
        }
    }

    [Theory]
    [InlineData("head.weight")]
    [InlineData("table.weight")]
    public void Load_WithoutOneNameOfATie_IsComplete(string absent)
    {
        var (state, target) = (Filled().StateDict(), new Tied());
        var values = state["table.weight"].ToArray<float>();
        state.Remove(absent);
        Assert.Empty(target.LoadStateDict(state).Missing);
        Assert.Equal(values, target.StateDict()["head.weight"].ToArray<float>());
        Assert.Same(target.StateDict()["table.weight"], target.StateDict()["head.weight"]);
    }

    [Fact]
    public void Load_ThatDoesNotFit_NamesEverythingAndChangesNothing()
    {
        var (state, target) = (Filled().StateDict(), new Tied());
        state.Remove("inner.0.bias");
        state.Remove("steps");
        state["extra"] = Tensor.Zeros([1]);
        state["inner.1.weight"] = Tensor.Zeros([2, 2]);
        var before = Values(target);
        var error = Assert.Throws<StateDictException>(() => target.LoadStateDict(state));
        Assert.All(["missing (2): inner.0.bias, steps", "unexpected (1): extra",
            "inner.1.weight: the module has shape [3, 2], the state [2, 2]"],
            text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
        Assert.Equal(before, Values(target));
    }

    [Fact]
    public void Load_NotStrict_ReportsNamesAndLoadsTheRest()
    {
        var (state, target) = (Filled().StateDict(), new Tied());
        var bias = target.StateDict()["inner.0.bias"].ToArray<float>();
        state.Remove("inner.0.bias");
        state["extra"] = Tensor.Zeros([1]);
        var report = target.LoadStateDict(state, strict: false);
        Assert.Equal(["inner.0.bias"], report.Missing);
        Assert.Equal(["extra"], report.Unexpected);
        Assert.Equal(state["inner.1.weight"].ToArray<float>(), target.StateDict()["inner.1.weight"].ToArray<float>());
        Assert.Equal(bias, target.StateDict()["inner.0.bias"].ToArray<float>());
    }

    [Fact]
    public void Load_NotStrict_StillRefusesOtherShapes()
    {
        var (state, target) = (Filled().StateDict(), new Tied());
        state["scale"] = Tensor.Zeros([2]);
        var before = Values(target);
        Assert.Throws<StateDictException>(() => target.LoadStateDict(state, strict: false));
        Assert.Equal(before, Values(target));
    }

    [Fact]
    public void Load_OfAMask_PutsItInForce()
    {
        var source = Filled();
        source.Find("inner.0").Parameter("weight").SetMask(Tensor.From<float>([1, 0, 1, 0, 1, 0], [2, 3]));
        var target = new Tied();
        target.LoadStateDict(source.StateDict());
        var weight = target.Find("inner.0").Parameter("weight");
        var original = weight.Data.ToArray<float>();
        Assert.Equal(source.Find("inner.0").Parameter("weight").Data.ToArray<float>(), original);
        Assert.Equal([original[0], 0, original[2], 0, original[4], 0], weight.Value.ToArray<float>());
        target.LoadStateDict(Filled().StateDict());
        Assert.Null(target.Find("inner.0").Parameter("weight").Mask);
    }

    [Fact]
    public void Load_OfAMask_GivesTheOrderOfAModulePrunedLive()
    {
        var (source, target) = (new Linear(3, 2), new Linear(3, 2));
        Coppice.Pruning.Masks.Prune.L1Unstructured(source, "weight", 0.5);
        target.LoadStateDict(source.StateDict());
        Assert.Equal(["bias", "weight_orig", "weight_mask"], target.StateDict().Keys);
        Assert.Equal(source.StateDict().Keys, target.StateDict().Keys);
    }

    [Fact]
    public void Load_OfAnOriginalWithoutItsMask_IsMissingTheMask()
    {
        var state = Filled().StateDict();
        state["inner.0.weight_orig"] = state["inner.0.weight"];
        state.Remove("inner.0.weight");
        Assert.Contains("inner.0.weight_mask", Assert.Throws<StateDictException>(() => new Tied().LoadStateDict(state)).Message,
            StringComparison.Ordinal);
    }

    private static Tied Filled()
    {
        var module = new Tied();
        var value = 0f;
        foreach (var (_, tensor) in module.StateDict())
            foreach (ref var element in tensor.AsSpan<float>())
                element = ++value;
        return module;
    }

    private static float[] Values(Tied module) => [.. module.StateDict().Values.SelectMany(tensor => tensor.ToArray<float>())];
}
