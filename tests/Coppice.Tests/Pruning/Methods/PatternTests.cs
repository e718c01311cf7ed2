using Coppice.Checkpoints;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Pruning;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Methods;

/// <summary>N:M and block patterns.</summary>
public sealed class PatternTests
{
    [Fact]
    public void TwoOfFour_Linear_KeepsTheTwoLargestAlongARow()
    {
        var tensor = MemoryTensor.F32("a.weight", [2, 4], 1, -4, 3, 2, 5, 5, 5, 5);
        Assert.Equal([0, -4, 3, 0, 0, 0, 5, 5], Values(new NmPruning(2, 4), null, ModelFacts.None, tensor));
    }

    [Fact]
    public void TwoOfFour_Conv1D_KeepsTheTwoLargestAlongAColumn()
    {
        var tensor = MemoryTensor.F32("h.0.mlp.c_fc.weight", [4, 2], 1, 8, 2, 7, 3, 6, 4, 5);
        Assert.Equal([0, 8, 0, 7, 3, 0, 4, 0], Values(new NmPruning(2, 4), null, new ModelFacts("gpt2"), tensor));
    }

    [Fact]
    public void OneOfFour_Convolution_GroupsItsFlattenedInputs()
    {
        var tensor = MemoryTensor.F32("conv.weight", [1, 2, 2, 2], 1, 2, 3, 4, 8, 7, 6, 5);
        Assert.Equal([0, 0, 0, 4, 8, 0, 0, 0], Values(new NmPruning(1, 4), null, ModelFacts.None, tensor));
    }

    [Fact]
    public void Nm_InputsNoMultiple_NamesTheWeight() =>
        Assert.Contains("'a.weight' [2, 6] has 6 inputs", Assert.Throws<PruningException>(() =>
        Values(new NmPruning(2, 4), null, ModelFacts.None, MemoryTensor.Random("a.weight", [2, 6], 1))).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData(0, 4)]
    [InlineData(5, 4)]
    [InlineData(4, 4)]
    [InlineData(2, 65)]
    public void Nm_NoPattern_IsRefused(int kept, int of) =>
        Assert.Throws<PruningException>(() => Values(new NmPruning(kept, of), null, ModelFacts.None, MemoryTensor.Random("a.weight",
            [4, 4], 1)));

    [Fact]
    public void Nm_WithAmount_IsRefused() => Assert.Contains("leave the amount out", Assert.Throws<PruningException>(() =>
        Values(new NmPruning(2, 4), PruneAmount.Fraction(0.5), ModelFacts.None, MemoryTensor.Random("a.weight",
            [4, 4], 1))).Message, StringComparison.Ordinal);

    [Fact]
    public void Blocks_Linear_SpanOutputsByInputs()
    {
        // 2x1 blocks, sums of magnitudes: columns 4, 9, 2 over columns 8, 4, 1; of the two fours the first goes.
        var tensor = MemoryTensor.F32("a.weight", [4, 3], 1, 4, 1, -3, 5, 1, 4, 2, 0, 4, 2, 1);
        Assert.Equal([0, 4, 0, 0, 5, 0, 4, 2, 0, 4, 2, 0], Values(new BlockPruning(2, 1, 1), PruneAmount.Fraction(0.5),
            ModelFacts.None, tensor));
    }

    [Fact]
    public void Blocks_Conv1D_SpanOutputsByInputs()
    {
        var tensor = MemoryTensor.F32("h.0.mlp.c_fc.weight", [2, 4], 1, 1, 3, 3, 5, 1, 0, 1);
        Assert.Equal([0, 0, 3, 3, 5, 1, 0, 0], Values(new BlockPruning(2, 1, 2), PruneAmount.Count(2), new ModelFacts("gpt2"), tensor));
    }

    [Fact]
    public void Blocks_ThatDoNotFill_NameTheWeight() => Assert.Contains("'a.weight' [6, 4]", Assert.Throws<PruningException>(() =>
        Values(new BlockPruning(4, 1, 1), PruneAmount.Fraction(0.5), ModelFacts.None, MemoryTensor.Random("a.weight",
            [6, 4], 1))).Message, StringComparison.Ordinal);

    [Fact]
    public void Blocks_OfOneElement_EqualL1()
    {
        var tensor = MemoryTensor.Random("a.weight", [64, 48], 5, DType.F16);
        Assert.Equal(MemoryTensor.Values(PruneHelper.L1(PruneAmount.Fraction(0.4), tensor).Tensors[0]),
            Values(new BlockPruning(1, 1, 1), PruneAmount.Fraction(0.4), ModelFacts.None, tensor));
    }

    private static double[] Values(PruningMethod method, PruneAmount? amount, ModelFacts facts, TensorSource tensor) =>
        MemoryTensor.Values(Pruner.Prune(WeightSelector.Select([tensor], facts), new PruneRequest(method, amount)).Tensors[0]);
}
