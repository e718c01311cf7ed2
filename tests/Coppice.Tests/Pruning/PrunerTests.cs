using Coppice.Checkpoints;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Pruning;
using Coppice.Tensors;
using static Coppice.Tests.Pruning.PruneHelper;

namespace Coppice.Tests.Pruning;

public sealed class PrunerTests
{
    private static readonly DType[] Types = [DType.F32, DType.F64, DType.F16, DType.BF16];

    public static TheoryData<DType, int> Sizes =>
        [.. from dtype in Types from size in new[] { 1, 2, 33, 1000, 270_001 } select (dtype, size)];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void L1_RandomValues_PrunesTheSmallestInTheOrderOfAStableSort(DType dtype, int size)
    {
        var tensor = MemoryTensor.Random("w.weight", [size], size, dtype, mapped: size % 2 == 0);
        var values = MemoryTensor.Values(tensor);
        int[] order = [.. Enumerable.Range(0, size).OrderBy(i => Math.Abs(values[i]))];
        foreach (var amount in size > 1000 ? [0.37] : new[] { 0, 0.1, 0.37, 0.9, 1 })
        {
            var result = L1(PruneAmount.Fraction(amount), tensor);
            var expected = (double[])values.Clone();
            var count = (int)Math.Round(amount * size, MidpointRounding.ToEven);
            foreach (var i in order.AsSpan(0, count))
                expected[i] = 0;
            AssertSame(expected, MemoryTensor.Values(result.Tensors[0]));
            Assert.Equal(count, result.Pruned);
            Assert.Equal(expected.Count(value => value == 0), result.Weights[0].ZerosAfter);
            Assert.Equal(values.Count(value => value == 0), result.Weights[0].ZerosBefore);
        }
    }

    [Fact]
    public void L1_AllEqual_PrunesLowestIndices()
    {
        var result = L1(PruneAmount.Count(3), MemoryTensor.F32("w", [2, 4], 1, -1, 1, -1, 1, -1, 1, -1));
        Assert.Equal([0, 0, 0, -1, 1, -1, 1, -1], MemoryTensor.Values(result.Tensors[0]));
    }

    [Fact]
    public void L1_GlobalTies_GoByTensorThenIndex()
    {
        var result = Prune(new MagnitudePruning(), PruneAmount.Count(4), PruneScope.Global, PruneSemantics.Strict,
            MemoryTensor.F32("a", [3], 1, 2, 1), MemoryTensor.F32("b", [4], 1, 3, 1, 1));
        Assert.Equal([0, 2, 0], MemoryTensor.Values(result.Tensors[0]));
        Assert.Equal([0, 3, 0, 1], MemoryTensor.Values(result.Tensors[1]));
        Assert.Equal([2L, 2L], result.Weights.Select(w => w.Pruned));
    }

    [Fact]
    public void L1_ZerosAlreadyThere_CountLikeOthers()
    {
        var result = L1(PruneAmount.Count(2), MemoryTensor.F32("w", [5], 5, 0, 1, -0f, 2));
        Assert.Equal([5, 0, 1, 0, 2], MemoryTensor.Values(result.Tensors[0]));
        Assert.Equal(2, result.Weights[0].ZerosAfter);
    }

    [Fact]
    public void L1_GlobalOverOneTensor_EqualsPerTensor()
    {
        var tensor = MemoryTensor.Random("w", [700, 500], 3);
        var global = Prune(new MagnitudePruning(), PruneAmount.Fraction(0.6), PruneScope.Global, PruneSemantics.Strict, tensor);
        AssertSame(Bytes(L1(PruneAmount.Fraction(0.6), tensor)), Bytes(global));
    }

    [Fact]
    public void L1_GlobalOverSeveralTypes_RanksByValue()
    {
        TensorSource[] tensors = [.. Types.Select((dtype, i) => MemoryTensor.Random("w" + i, [4000], 10 + i, dtype))];
        var result = Prune(new MagnitudePruning(), PruneAmount.Count(7001), PruneScope.Global, PruneSemantics.Strict, tensors);
        var values = tensors.SelectMany(MemoryTensor.Values).ToArray();
        foreach (var i in Enumerable.Range(0, values.Length).OrderBy(i => Math.Abs(values[i])).Take(7001).ToArray())
            values[i] = 0;
        AssertSame(values, [.. result.Tensors.SelectMany(MemoryTensor.Values)]);
    }

    [Fact]
    public void L1_MoreAmount_PrunesASuperset()
    {
        var tensor = MemoryTensor.Random("w", [300, 100], 4, DType.F16);
        var before = MemoryTensor.Values(L1(PruneAmount.Fraction(0.05), tensor).Tensors[0]);
        for (var amount = 0.1; amount <= 1; amount += 0.1)
        {
            var after = MemoryTensor.Values(L1(PruneAmount.Fraction(amount), tensor).Tensors[0]);
            Assert.DoesNotContain(Enumerable.Range(0, after.Length), i => before[i] == 0 && after[i] != 0);
            before = after;
        }
    }

    [Fact]
    public void L1_Strict_WritesPositiveZero_TorchKeepsTheSign()
    {
        var tensor = MemoryTensor.F32("w", [3], -1, 1, -9);
        Assert.False(double.IsNegative(MemoryTensor.Values(L1(PruneAmount.Count(2), tensor).Tensors[0])[0]));
        var torch = Prune(new MagnitudePruning(), PruneAmount.Count(2), PruneScope.PerTensor, PruneSemantics.Torch, tensor);
        Assert.True(double.IsNegative(MemoryTensor.Values(torch.Tensors[0])[0]));
        Assert.Equal(2, torch.Weights[0].ZerosAfter);
    }

    [Fact]
    public void L1_NaN_IsRefusedWithNameAndCount()
    {
        var tensor = MemoryTensor.F32("bad.weight", [4], 1, float.NaN, 2, float.NaN);
        var message = Assert.Throws<PruningException>(() => L1(PruneAmount.Fraction(0.5), tensor)).Message;
        Assert.Contains("'bad.weight' holds 2 NaN of 4", message, StringComparison.Ordinal);
    }

    [Fact]
    public void L1_NaNUnderTorchSemantics_RanksAboveInfinity()
    {
        var tensor = MemoryTensor.F32("w", [4], float.NaN, float.PositiveInfinity, 1, -2);
        var result = Prune(new MagnitudePruning(), PruneAmount.Count(3), PruneScope.PerTensor, PruneSemantics.Torch, tensor);
        Assert.Equal([double.NaN, double.NaN, 0, -0.0], MemoryTensor.Values(result.Tensors[0]));
        Assert.Contains("1 infinite and 1 NaN", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void L1_Infinity_IsKeptWithAWarning()
    {
        var result = L1(PruneAmount.Count(1), MemoryTensor.F32("w", [2], float.NegativeInfinity, 1));
        Assert.Equal([double.NegativeInfinity, 0], MemoryTensor.Values(result.Tensors[0]));
        Assert.Contains("1 infinite", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PruneScope.PerTensor)]
    [InlineData(PruneScope.Global)]
    public void L1_EmptyTensor_IsLeftAlone(PruneScope scope)
    {
        var result = Prune(new MagnitudePruning(), PruneAmount.Fraction(1), scope, PruneSemantics.Strict,
            MemoryTensor.F32("empty", [0, 3]), MemoryTensor.F32("w", [2], 1, 2));
        Assert.Equal([0L, 2L], result.Weights.Select(w => w.Pruned));
    }

    [Theory]
    [InlineData(PruneScope.PerTensor)]
    [InlineData(PruneScope.Global)]
    public void Random_Strict_PrunesExactlyTheCountAndDependsOnTheSeed(PruneScope scope)
    {
        TensorSource[] tensors = [MemoryTensor.Random("a", [300, 1000], 1), MemoryTensor.Random("b", [777], 2, DType.BF16),
            MemoryTensor.Random("c", [5], 3, DType.F64)];
        PruneResult Run(long seed) => Pruner.Prune(All(tensors), new PruneRequest(new RandomPruning(),
            PruneAmount.Fraction(0.3)) { Scope = scope, Seed = seed });
        var result = Run(1);
        Assert.Equal(scope == PruneScope.Global ? 90235 : 90000 + 233 + 2, result.Pruned);
        AssertSame(MemoryTensor.AllBytes(result.Tensors[1]), MemoryTensor.AllBytes(Run(1).Tensors[1]));
        Assert.False(MemoryTensor.AllBytes(result.Tensors[0]).SequenceEqual(MemoryTensor.AllBytes(Run(2).Tensors[0])));
        var pruned = MemoryTensor.Values(result.Tensors[0]).Select((value, i) => (value, i)).Where(e => e.value == 0).Select(e =>
            (double)e.i).ToArray();
        Assert.InRange(pruned.Average(), 148_000, 152_000);
    }

    [Fact]
    public void Random_TorchOn16BitTypes_IsRefused() => Assert.Contains("strict", Assert.Throws<PruningException>(() =>
        Prune(new RandomPruning(), PruneAmount.Fraction(0.5), PruneScope.PerTensor, PruneSemantics.Torch,
            MemoryTensor.Random("w", [4], 1, DType.F16))).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Structured_Global_IsRefused() => Assert.Contains("per-tensor", Assert.Throws<PruningException>(() =>
        Prune(new ChannelNormPruning(2, 0), PruneAmount.Fraction(0.5), PruneScope.Global, PruneSemantics.Strict, MemoryTensor.Random("w",
            [4, 4], 1))).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Prune_UnrankedType_NamesTheTensor()
    {
        var tensor = new MemoryTensor("q.weight", DType.F8E4M3, [2, 2], new byte[4]);
        Assert.Contains("'q.weight' is F8E4M3", Assert.Throws<PruningException>(() => L1(PruneAmount.Fraction(0.5), tensor)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Prune_NothingInScope_SaysHowToNameWeights() => Assert.Contains("--include", Assert.Throws<PruningException>(() =>
        Pruner.Prune(WeightSelector.Select([MemoryTensor.F32("bias", [2], 1, 2)], ModelFacts.None),
            new PruneRequest(new MagnitudePruning(), PruneAmount.Fraction(0.5)))).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Prune_TiedTensors_StayTiedAndCountOnce()
    {
        var first = MemoryTensor.Random("wte.weight", [40, 10], 1);
        var second = new MemoryTensor("lm_head.weight", DType.F32, [40, 10], first.Bytes);
        var result = L1(PruneAmount.Fraction(0.5), first, second);
        Assert.Equal(200, result.Pruned);
        Assert.Equal(400, result.Parameters);
        Assert.Equal(0.5, result.ModelSparsity);
        Assert.Equal(result.Tensors[0].Identity, result.Tensors[1].Identity);
        Assert.Equal(MemoryTensor.AllBytes(result.Tensors[0]), MemoryTensor.AllBytes(result.Tensors[1]));
    }

    [Fact]
    public void Prune_OutOfScopeZeros_CountInModelSparsity()
    {
        TensorSource[] tensors = [MemoryTensor.F32("a.weight", [2, 2], 1, 2, 3, 4), MemoryTensor.F32("a.bias", [4], 0, 0, 0, 1),
            MemoryTensor.F32("bn.running_mean", [2], 0, 0)];
        var result = Pruner.Prune(WeightSelector.Select(tensors, ModelFacts.None), new PruneRequest(new MagnitudePruning(),
            PruneAmount.Fraction(0.5)));
        Assert.Equal(0.5, result.ScopeSparsity);
        Assert.Equal(5.0 / 8, result.ModelSparsity);
        Assert.Same(tensors[1], result.Tensors[1]);
    }
}
