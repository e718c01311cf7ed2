using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Modules;

public sealed class ModuleTests
{
    [Fact]
    public void StateDict_OfAModule_IsInTorchsOrder()
    {
        var module = new Tied();
        module.Find("inner.0").Parameter("weight").SetMask(Tensor.Full([2, 3], 1));
        Assert.Equal(
            ["scale", "steps", "table.weight", "inner.0.weight_orig", "inner.0.bias", "inner.0.weight_mask", "inner.1.weight",
                "inner.1.bias", "head.weight"],
            module.StateDict().Keys);
    }

    [Fact]
    public void StateDict_OfTiedWeights_HasOneTensorUnderBothNames()
    {
        var state = new Tied().StateDict();
        Assert.Same(state["table.weight"], state["head.weight"]);
    }

    [Fact]
    public void NamedParameters_OfTiedWeights_HasEachOnce() =>
        Assert.Equal(["scale", "table.weight", "inner.0.weight", "inner.0.bias", "inner.1.weight", "inner.1.bias"],
            new Tied().NamedParameters().Select(named => named.Name));

    [Fact]
    public void NamedModules_OfAModule_ComeParentsFirst() =>
        Assert.Equal(["", "table", "inner", "inner.0", "inner.1", "head"], new Tied().NamedModules().Select(named => named.Name));

    [Fact]
    public void Find_OfAWrongPath_NamesTheChildrenWhereItEnds()
    {
        var module = new Tied();
        Assert.IsType<Linear>(module.Find("inner.1"));
        Assert.Same(module, module.Find(""));
        var error = Assert.Throws<ArgumentException>(() => module.Find("inner.2"));
        Assert.Contains("'2' (it has 0, 1)", error.Message, StringComparison.Ordinal);
        Assert.Contains("weight, bias", Assert.Throws<ArgumentException>(() => module.Find("inner.1").Parameter("wait")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Train_OfAModule_SwitchesAllBelow()
    {
        var module = new Tied();
        Assert.False(module.IsTraining);
        module.Train();
        Assert.All(module.NamedModules(), named => Assert.True(named.Module.IsTraining));
        module.Train(false);
        Assert.All(module.NamedModules(), named => Assert.False(named.Module.IsTraining));
    }
}

/// <summary>A parameter and a buffer of its own, a table whose weight is the head's too, and two layers.</summary>
internal sealed class Tied : Module
{
    public Tied()
    {
        Register("scale", new Parameter(Tensor.Full([1], 2)));
        RegisterBuffer("steps", Tensor.Zeros([1]));
        var table = Register("table", new Embedding(4, 3));
        Register("inner", new Sequential(new Linear(3, 2), new Linear(2, 3)));
        Register("head", new Linear(table.Weight));
    }
}
