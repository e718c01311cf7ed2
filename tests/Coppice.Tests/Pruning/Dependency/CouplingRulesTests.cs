using Coppice.Graphs;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using Coppice.Tests.Graphs;
using Parameter = Coppice.Modules.Parameter;

namespace Coppice.Tests.Pruning.Dependency;

/// <summary>Graphs that rules once got wrong, or whose answer is worth knowing by heart.</summary>
public sealed class CouplingRulesTests
{
    [Fact]
    public void Knows_EveryOp_ARuleOrAReason() => Assert.DoesNotContain(
        typeof(Op).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract), op => !CouplingRules.Knows(op));

    private readonly GraphBuilder _builder = new();
    private readonly List<Tensor> _inputs = [];

    [Fact]
    public void BatchNormTraining_OfPixelsMadeFromChannels_PinsThem()
    {
        var x = Apply(new Conv2d(), Input(2, 3, 4, 4), Weight("conv", 8, 3, 1, 1));
        var six = Apply(new Reshape(2, 2, 2, 2, 4, 4), x);
        var image = Apply(new Reshape(2, 2, 8, 8), Apply(new Transpose(4, 5), Apply(new Transpose(2, 3), Apply(new Transpose(3, 4), six))));
        image = Apply(new BatchNormTraining(0.1f), image, Weight("norm", 2), Weight("shift", 2));
        var dependencies = Analysed(Apply(new Linear(), Apply(new Reshape(2, 128), image), Weight("fc", 3, 128)));
        var group = Assert.Single(dependencies.Groups);
        Assert.Equal("group 0: 2 of conv[0] = 2 x 2 x 2, norm[0], shift[0], fc[1] = 2 x 4 x 2 x 4 x 2", group.ToString());
        VerifyFirstIndexOfEach(dependencies);
    }

    [Fact]
    public void Attention_WithAMaskForEachHead_ShrinksTheMaskWithTheHeads()
    {
        var x = Input(1, 4, 6);
        var (q, k, v) = (Heads(x, "q", 4), Heads(x, "k", 2), Heads(x, "v", 2));
        var mixed = Apply(new Attention(false, 0.5f), q, k, v, Weight("mask", 1, 4, 4, 4));
        var dependencies = Analysed(Apply(new Linear(), mixed, Weight("out", 6, 12)));
        Assert.Equal(
            ["group 0: 2 of q[0] = 2 x 2 x 3, k[0] = 2 x 3, v[0] = 2 x 3, mask[1] = 2 x 2, out[1] = 2 x 2 x 3",
                "group 1: 2 of q[0] = 2 x 2 x 3, mask[1] = 2 x 2, out[1] = 2 x 2 x 3",
                "group 2: 3 of q[0] = 2 x 2 x 3, k[0] = 2 x 3, v[0] = 2 x 3, out[1] = 2 x 2 x 3"],
            dependencies.Groups.Select(group => group.ToString()));
        VerifyFirstIndexOfEach(dependencies);
    }

    [Fact]
    public void Narrow_ThroughAShufflesBlock_LeavesUnitsButForOneInEachAxis()
    {
        var x = Apply(new Conv2d(), Input(1, 3, 4, 4), Weight("conv", 6, 3, 1, 1));
        x = Apply(new Reshape(1, 6, 4, 4), Apply(new Transpose(1, 2), Apply(new Reshape(1, 2, 3, 4, 4), x)));
        var half = Apply(new Narrow(1, 0, 3), x);
        var dependencies = Analysed(Apply(new Conv2d(), half, Weight("last", 2, 3, 1, 1)));
        Assert.Equal("group 0: 2 of conv[0] = (1 | 1) x (1 | 1 | 1), last[1] = 1 x (1 | 1) | 1", Assert.Single(dependencies.Groups).ToString());
        VerifyFirstIndexOfEach(dependencies);
    }

    [Fact]
    public void Conv2d_BetweenInputAndOutput_IsPinnedByThem()
    {
        var dependencies = Analysed(Apply(new Conv2d(), Input(1, 3, 4, 4), Weight("conv", 2, 3, 1, 1)));
        Assert.Equal(["output 'y' of the model", "input 'x' of the model", "the kernel's extent", "the kernel's extent"],
            dependencies.Pinned.Select(axis => axis.Reason.Split(": ")[^1]));
    }

    private NodeValue Heads(Value x, string name, int heads) =>
        Apply(new Transpose(1, 2), Apply(new Reshape(1, 4, heads, 3), Apply(new Linear(), x, Weight(name, heads * 3, 6))));

    private void VerifyFirstIndexOfEach(DependencyGraph dependencies)
    {
        var removal = new Removal(dependencies);
        foreach (var group in dependencies.Groups)
            removal.Remove(group, [0]);
        Assert.True(PruningSurgeon.Apply(dependencies, removal, _inputs).Verification.LargestDifference < 1e-5);
    }

    private DependencyGraph Analysed(Value output)
    {
        _builder.Output("y", output);
        return DependencyGraph.Of(_builder.Build());
    }

    private InputValue Input(params int[] sizes)
    {
        _inputs.Add(TestModels.Floats(Shape.Create(sizes)));
        return _builder.Input("x", DType.F32, [.. sizes.Select(SymbolicDim.FromInt32)]);
    }

    private ParameterValue Weight(string name, params int[] sizes) =>
        _builder.Parameter(name, new Parameter(TestModels.Floats(Shape.Create(sizes), name.Length)));

    private NodeValue Apply(Op op, params IReadOnlyList<Value> inputs) => _builder.Apply(op, inputs)[0];
}
