using Coppice.Pruning;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

public sealed class BasePruningMethodTests
{
    [Fact]
    public void DocumentedMethod_IsTheTestedOneInUnder15Lines()
    {
        var source = File.ReadAllText(TestData.InRepository("tests", "Coppice.Tests", "Pruning", "Masks", "EveryOther.cs"));
        var code = File.ReadAllText(TestData.InRepository("docs", "custom-pruning-method.md")).Split("```csharp\n")[1].Split("```")[0];
        Assert.EndsWith(code, source);
        Assert.True(code.Trim().Split('\n').Length < 15);
    }

    [Fact]
    public void OwnMethod_Twice_ActsOnWhatRemains()
    {
        var module = new Holder(Tensor.Full([7], 1));
        new EveryOther().Apply(module, "weight");
        Assert.Equal([0, 1, 0, 1, 0, 1, 0], module.Mask);
        new EveryOther().Apply(module, "weight");
        Assert.Equal([0, 0, 0, 1, 0, 0, 0], module.Mask);
    }

    [Fact]
    public void OwnMethod_Globally_CountsOnAcrossParameters()
    {
        var (first, second) = (new Holder(Tensor.Full([3], 1)), new Holder(Tensor.Full([2, 2], 1)));
        Prune.GlobalUnstructured([(first, "weight"), (second, "weight")], new EveryOther());
        Assert.Equal([0, 1, 0], first.Mask);
        Assert.Equal([1, 0, 1, 0], second.Mask);
    }

    [Fact]
    public void Apply_MethodThatRevivesEntries_CannotUndoPruning()
    {
        var module = new Holder(Tensor.From<float>([1, 2, 3, 4], [4]));
        Prune.L1Unstructured(module, "weight", 2);
        new Returns(Tensor.Full([4], 1)).Apply(module, "weight");
        Assert.Equal([0, 0, 1, 1], module.Mask);
    }

    [Fact]
    public void Apply_MaskOfWrongShape_IsRefusedAndTheFirstMaskStays()
    {
        var module = new Holder(Tensor.From<float>([1, 2, 3, 4], [4]));
        Prune.L1Unstructured(module, "weight", 1);
        var before = module.Weight.Mask;
        var error = Assert.Throws<InvalidOperationException>(() => new Returns(Tensor.Full([5], 1)).Apply(module, "weight"));
        Assert.Contains("F32 [5]", error.Message);
        Assert.Contains("'weight' of Holder", error.Message);
        Assert.Same(before, module.Weight.Mask);
    }

    [Theory]
    [InlineData(0.5f)]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    public void Apply_MaskOfOtherNumbers_IsRefused(float number)
    {
        var module = new Holder(Tensor.Full([4], 1));
        var error = Assert.Throws<ArgumentException>(() => new Returns(Tensor.From<float>([1, 0, number, 1], [4])).Apply(module, "weight"));
        Assert.Contains("flat index 2", error.Message);
        Assert.Null(module.Weight.Mask);
    }

    [Fact]
    public void Apply_StructuredMethodWithoutAxis_IsRefusedAtTheFirstCall()
    {
        var module = Holder.Random(1, 2, 2);
        var error = Assert.Throws<InvalidOperationException>(() => new NoAxis().Apply(module, "weight"));
        Assert.Contains("override Dim", error.Message);
    }

    [Fact]
    public void Apply_MethodThatThrows_ChangesNothing()
    {
        var module = Holder.Random(1, 4, 4);
        Prune.L1Unstructured(module, "weight", 3);
        var (data, mask) = (module.Weight.Data, module.Weight.Mask);
        Assert.Throws<NotSupportedException>(() => new Throws().Apply(module, "weight"));
        Assert.Same(data, module.Weight.Data);
        Assert.Same(mask, module.Weight.Mask);
    }

    [Fact]
    public void PruneTensor_OfNoModule_ReturnsPrunedCopy()
    {
        var weights = Tensor.From<float>([4, -1, 2, -3], [2, 2]);
        var pruned = new L1Unstructured(0.5).PruneTensor(weights);
        Assert.Equal([4, 0, 0, -3], pruned.ToArray<float>());
        Assert.Equal([4, -1, 2, -3], weights.ToArray<float>());
        var scores = Tensor.From<float>([1, 2, 3, 4], [2, 2]);
        Assert.Equal([0, 0, 2, -3], new L1Unstructured(2).PruneTensor(weights, importanceScores: scores).ToArray<float>());
        Assert.Throws<ArgumentException>(() => new L1Unstructured(1).PruneTensor(weights, Tensor.Full([4], 1)));
    }

    [Fact]
    public void Container_EqualsTheSameCallsOneAfterAnother()
    {
        var (together, apart) = (Holder.Random(3, 12, 10), Holder.Random(3, 12, 10));
        new PruningContainer(new L1Unstructured(0.3), new LnStructured(0.25, 2, 0), new L1Unstructured(5)).Apply(together, "weight");
        Prune.L1Unstructured(apart, "weight", 0.3);
        Prune.LnStructured(apart, "weight", 0.25, 2, 0);
        Prune.L1Unstructured(apart, "weight", 5);
        Assert.Equal(apart.Mask, together.Mask);
    }

    [Fact]
    public void Container_FailingMethod_LeavesNoneInForce()
    {
        var module = Holder.Random(3, 12, 10);
        var container = new PruningContainer(new L1Unstructured(0.3), new LnStructured(13, 2, 0));
        Assert.Contains("'weight' of Holder", Assert.Throws<PruningException>(() => container.Apply(module, "weight")).Message);
        Assert.False(Prune.IsPruned(module));
    }

    private sealed class Returns(Tensor mask) : BasePruningMethod
    {
        public override PruningType PruningType => PruningType.Global;

        public override Tensor ComputeMask(Tensor scores, Tensor defaultMask) => mask;
    }

    private sealed class NoAxis : BasePruningMethod
    {
        public override PruningType PruningType => PruningType.Structured;

        public override Tensor ComputeMask(Tensor scores, Tensor defaultMask) => defaultMask;
    }

    private sealed class Throws : BasePruningMethod
    {
        public override PruningType PruningType => PruningType.Unstructured;

        public override Tensor ComputeMask(Tensor scores, Tensor defaultMask) => throw new NotSupportedException("no");
    }
}
