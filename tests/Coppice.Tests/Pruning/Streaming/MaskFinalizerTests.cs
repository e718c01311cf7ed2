using Coppice.Checkpoints;
using Coppice.Pruning;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Streaming;

public sealed class MaskFinalizerTests
{
    private static readonly float[] Original = [-1, 2, float.NegativeInfinity, -3];

    [Fact]
    public void Finalize_Strict_LeavesPlusZeroUnderTheMask()
    {
        var weight = Assert.Single(MaskFinalizer.Finalize(Pair(Original, 0, 1, 0, 1)).Weights);
        var values = MemoryTensor.Values(weight.Source);
        Assert.Equal([0, 2, 0, -3], values);
        Assert.False(double.IsNegative(values[0]));
        Assert.Equal(("w.weight", 2, 0, 2, 0.5), (weight.Source.Name, weight.Masked, weight.ZerosBefore, weight.Zeros, weight.Sparsity));
    }

    [Fact]
    public void Finalize_Torch_MultipliesByZero()
    {
        var result = MaskFinalizer.Finalize(Pair(Original, 0, 1, 0, 1), PruneSemantics.Torch);
        var values = MemoryTensor.Values(result.Weights[0].Source);
        Assert.Equal([-0.0, 2, double.NaN, -3], values);
        Assert.True(double.IsNegative(values[0]));
        Assert.Contains("'w.weight_orig' holds 1 infinite and 0 NaN", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Finalize_OtherNumbersInTheMask_MultipliesInTheWeightsType(DType dtype)
    {
        var original = new MemoryTensor("w.weight_orig", dtype, [4], [.. Bytes(dtype, 3, -2, 7, 5)]);
        var mask = MemoryTensor.F32("w.weight_mask", [4], 0.5f, 1, 0, -2);
        var finalized = MaskFinalizer.Finalize([original, mask]).Weights[0];
        Assert.Equal(dtype, finalized.Source.DType);
        Assert.Equal([1.5, -2, 0, -10], MemoryTensor.Values(finalized.Source));
        Assert.Equal(1, finalized.Masked);
    }

    [Theory]
    [InlineData(DType.Bool, 1)]
    [InlineData(DType.U8, 1)]
    [InlineData(DType.I8, 1)]
    [InlineData(DType.I32, 4)]
    [InlineData(DType.I64, 8)]
    public void Finalize_MaskOfIntegers_IsRead(DType dtype, int size)
    {
        var bytes = new byte[3 * size];
        bytes[size] = 1;
        TensorSource[] tensors = [MemoryTensor.F32("b_orig", [3], 4, 5, 6), new MemoryTensor("b_mask", dtype, [3], bytes)];
        Assert.Equal([0, 5, 0], MemoryTensor.Values(MaskFinalizer.Finalize(tensors).Weights[0].Source));
    }

    [Fact]
    public void Finalize_MasksOfFloatTypes_AreRead()
    {
        foreach (var dtype in new[] { DType.F64, DType.F16, DType.BF16 })
        {
            TensorSource[] tensors = [MemoryTensor.F32("b_orig", [3], 4, 5, 6), new MemoryTensor("b_mask", dtype, [3], Bytes(dtype, 0, 1, 0.5))];
            Assert.Equal([0, 5, 3], MemoryTensor.Values(MaskFinalizer.Finalize(tensors).Weights[0].Source));
        }
    }

    [Fact]
    public void Finalize_LongerThanAPiece_EqualsTheProductEverywhere()
    {
        var original = MemoryTensor.Random("w.weight_orig", [100, 1000], 1, mapped: false);
        var kept = Enumerable.Range(0, 100_000).Select(i => i % 3 == 0 ? 0f : 1).ToArray();
        var finalized = MaskFinalizer.Finalize([original, MemoryTensor.F32("w.weight_mask", [100, 1000], kept)]).Weights[0];
        PruneHelper.AssertSame([.. MemoryTensor.Values(original).Select((value, i) => kept[i] == 0 ? 0 : value)],
            MemoryTensor.Values(finalized.Source));
        var middle = new byte[10];
        finalized.Source.Read(70_001, middle);
        Assert.Equal(MemoryTensor.AllBytes(finalized.Source)[70_001..70_011], middle);
    }

    [Fact]
    public void Finalize_Changes_PutTheWeightInThePlaceOfItsOriginalAndDropTheMask()
    {
        var changes = MaskFinalizer.Finalize(Pair(Original, 0, 1, 0, 1)).Changes;
        Assert.Equal("w.weight", Assert.Single(changes["w.weight_orig"]).Name);
        Assert.Empty(changes["w.weight_mask"]);
        Assert.Equal(2, changes.Count);
    }

    [Fact]
    public void Finalize_TiedPairs_StayTied()
    {
        byte[] values = Bytes(DType.F32, 1, 2), mask = Bytes(DType.F32, 0, 1);
        TensorSource[] tensors = [F32("a.weight_orig", values), F32("a.weight_mask", mask), F32("b.weight_orig", values),
            F32("b.weight_mask", mask)];
        var weights = MaskFinalizer.Finalize(tensors).Weights;
        Assert.Equal(weights[0].Source.Identity, weights[1].Source.Identity);
    }

    [Fact]
    public void Finalize_TieUnderNoMask_KeepsItsValuesAndWarns()
    {
        var values = Bytes(DType.F32, 1, 2);
        TensorSource[] tensors = [F32("a.weight_orig", values), F32("a.weight_mask", Bytes(DType.F32, 0, 1)), F32("head.weight", values)];
        var result = MaskFinalizer.Finalize(tensors);
        Assert.Contains("'head.weight' shares the memory of 'a.weight_orig'", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.DoesNotContain("head.weight", result.Changes.Keys);
    }

    [Fact]
    public void Finalize_BuffersNamedMask_AreLeftAlone()
    {
        TensorSource[] tensors = [.. Pair(Original, 0, 1, 0, 1), MemoryTensor.F32("layers.0.attn_mask", [1], 0)];
        Assert.DoesNotContain("layers.0.attn_mask", MaskFinalizer.Finalize(tensors).Changes.Keys);
    }

    [Fact]
    public void Finalize_Malformed_NamesTheTensorAndTheRemedy()
    {
        var whole = MemoryTensor.F32("w.weight", [4], 1, 2, 3, 4);
        var pair = Pair(Original, 0, 1, 0, 1);
        AssertRefused("Nothing to finalize", whole);
        AssertRefused("'w.weight_orig' has no 'w.weight_mask'", pair[0]);
        AssertRefused("'w.weight_mask' has no 'w.weight_orig'", pair[1]);
        AssertRefused("'w.weight_orig' has shape [4], 'w.weight_mask' [2]", pair[0], MemoryTensor.F32("w.weight_mask", [2], 0, 1));
        AssertRefused("'w.weight' is there beside 'w.weight_orig'", [.. pair, whole]);
        AssertRefused("'w.weight_orig' is I32", new MemoryTensor("w.weight_orig", DType.I32, [4], new byte[16]), pair[1]);
        AssertRefused("'w.weight_mask' is C64", pair[0], new MemoryTensor("w.weight_mask", DType.C64, [4], new byte[32]));
    }

    [Fact]
    public void Prune_OfLeftOverMasks_PointsToFinalize()
    {
        var selection = WeightSelector.Select([.. Pair(Original, 0, 1, 0, 1), MemoryTensor.Random("a.weight", [2, 2], 1)], ModelFacts.None);
        var error = Assert.Throws<PruningException>(() => Pruner.Prune(selection, new PruneRequest(new MagnitudePruning(), 0.5)));
        Assert.Contains("'w.weight' is still under a mask", error.Message, StringComparison.Ordinal);
        Assert.Contains("coppice finalize", error.Message, StringComparison.Ordinal);
    }

    private static void AssertRefused(string says, params TensorSource[] tensors) =>
        Assert.Contains(says, Assert.Throws<PruningException>(() => MaskFinalizer.Finalize(tensors)).Message, StringComparison.Ordinal);

    private static TensorSource[] Pair(float[] original, params float[] mask) =>
        [MemoryTensor.F32("w.weight_orig", [original.Length], original), MemoryTensor.F32("w.weight_mask", [mask.Length], mask)];

    private static MemoryTensor F32(string name, byte[] bytes) => new(name, DType.F32, [bytes.Length / 4], bytes);

    private static byte[] Bytes(DType dtype, params double[] values)
    {
        var bytes = new byte[values.Length * dtype.ByteSize()];
        for (var i = 0; i < values.Length; i++)
            MemoryTensor.Write(bytes.AsSpan(i * dtype.ByteSize()), dtype, values[i]);
        return bytes;
    }
}
