using Coppice.Pruning;
using Coppice.Pruning.Importance;
using Coppice.Pruning.Methods;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Importance;

public sealed class SampledWindowTests
{
    private static readonly double[] Specials = [0, -0.0, double.Epsilon, float.Epsilon, -1e-40, 0.05, -0.05];

    public static TheoryData<DType, double> Cases =>
        [.. from dtype in new[] { DType.F32, DType.F64 } from amount in new[] { 0.001, 0.5 } select (dtype, amount)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void TryFind_ManyKeysWithTies_IsTheLimitOfSorting(DType dtype, double amount)
    {
        MemoryTensor[] tensors = [Weight("a", 1_000_003, 1, dtype), Weight("b", 400_000, 2, dtype)];
        KeySource[] sources = [.. tensors.Select(tensor => new MagnitudeKeys(tensor, dtype))];
        var magnitudes = tensors.SelectMany(MemoryTensor.Values).Select(Math.Abs).ToArray();
        var k = (long)(amount * magnitudes.Length);
        var limits = SampledWindow.TryFind(sources, k);
        Assert.NotNull(limits);
        var threshold = magnitudes.Order().ElementAt((int)k - 1);
        long pruned = 0;
        foreach (var (tensor, limit) in tensors.Zip(limits))
        {
            var values = MemoryTensor.Values(tensor);
            var gone = values.Where((value, i) => Math.Abs(value) < threshold || (Math.Abs(value) == threshold && i < limit.TieEnd));
            Assert.Equal(gone.LongCount(), limit.Figures!.Value.Pruned);
            Assert.Equal(values.LongCount(value => value == 0), limit.Figures.Value.Zeros);
            Assert.Equal(MemoryTensor.Key(values.Max(Math.Abs), dtype), limit.Figures.Value.Largest);
            Assert.Equal(MemoryTensor.Key(threshold, dtype), limit.Key);
            pruned += limit.Figures.Value.Pruned;
        }
        Assert.Equal(k, pruned);
    }

    [Fact]
    public void TryFind_TiesAcrossThePieces_EndsThemAtTheFirstIndices()
    {
        // One key in fifty is exactly the median: ties over many pieces, of which the first half goes.
        const int count = 2_000_000;
        var tensor = MemoryTensor.F32("w", [count], [.. Enumerable.Range(0, count)
            .Select(i => i % 50 == 0 ? 1f : i % 2 == 0 ? 2f + i : 1f / (i + 2))]);
        var below = Enumerable.Range(0, count).Count(i => i % 50 != 0 && i % 2 == 1);
        var limit = SampledWindow.TryFind([new MagnitudeKeys(tensor, DType.F32)], below + count / 100)![0];
        Assert.Equal(new KeyLimit(BitConverter.SingleToInt32Bits(1f), count / 2 - 49), limit with { Figures = null });
        Assert.Equal(below + count / 100, limit.Figures!.Value.Pruned);
    }

    [Fact]
    public void TryFind_MostKeysEqual_HasNoAnswer()
    {
        var tensor = MemoryTensor.F32("w", [2_000_000], new float[2_000_000]);
        Assert.Null(SampledWindow.TryFind([new MagnitudeKeys(tensor, DType.F32)], 1_000_000));
    }

    [Theory]
    [InlineData(PruneSemantics.Strict, double.PositiveInfinity, 0.5)]
    [InlineData(PruneSemantics.Torch, double.NaN, 0.5)]
    [InlineData(PruneSemantics.Torch, double.NegativeInfinity, 1.0)]
    [InlineData(PruneSemantics.Strict, 0.0, 0.00001)]
    [InlineData(PruneSemantics.Torch, 0.0, 0.3)]
    public void Prune_SpecialValues_ReportsWhatIsWritten(PruneSemantics semantics, double special, double amount)
    {
        var weight = Weight("w", 1_100_000, 3, DType.F32);
        for (var i = 0; i < 100; i++)
            MemoryTensor.Write(weight.Bytes.AsSpan(i * 4001 * sizeof(float)), DType.F32, special);
        var before = MemoryTensor.Values(weight);
        var result = PruneHelper.Prune(new MagnitudePruning(), PruneAmount.Fraction(amount), PruneScope.Global, semantics, weight);
        var after = MemoryTensor.Values(Assert.Single(result.Tensors));
        var figures = Assert.Single(result.Weights);
        Assert.Equal(PruneAmount.Fraction(amount).Of(weight.Count, "w"), figures.Pruned);
        Assert.Equal(before.LongCount(value => value == 0), figures.ZerosBefore);
        Assert.Equal(after.LongCount(value => value == 0), figures.ZerosAfter);
        Assert.Equal(double.IsFinite(special) ? 0 : 1, result.Warnings.Count);
    }

    [Fact]
    public void Prune_NaNInAManyElementWeight_IsRefusedUnderStrictSemantics()
    {
        var weight = Weight("w", 1_100_000, 4, DType.F32);
        MemoryTensor.Write(weight.Bytes.AsSpan(777_777 * sizeof(float)), DType.F32, double.NaN);
        var error = Assert.Throws<PruningException>(() =>
            PruneHelper.Prune(new MagnitudePruning(), PruneAmount.Fraction(0.5), PruneScope.Global, PruneSemantics.Strict, weight));
        Assert.Contains("1 NaN", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Random values, one in a hundred a zero, a denormal or a frequent value.</summary>
    private static MemoryTensor Weight(string name, int count, int seed, DType dtype)
    {
        var weight = MemoryTensor.Random(name, [count], seed, dtype);
        for (var i = 0; i < count; i += 100)
            MemoryTensor.Write(weight.Bytes.AsSpan(i * dtype.ByteSize()), dtype, Specials[i / 100 % Specials.Length]);
        return weight;
    }
}
