using Coppice.Pruning;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

/// <summary>What holds for any weight, amount and order of calls; each seed makes another case.</summary>
public sealed class PropertyTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 25)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Unstructured_PrunesExactlyTheAmountOfWhatRemains(int seed)
    {
        var random = new Random(seed);
        var module = Holder.Random(seed, random.Next(1, 12), random.Next(1, 12), random.Next(1, 5));
        var source = new RandomSource(seed);
        for (var round = 0; round < 4; round++)
        {
            var before = module.Weight.Mask is null ? (int)module.Weight.Data.Count : Ones(module);
            var fraction = random.NextDouble();
            Prune.L1Unstructured(module, "weight", fraction);
            var after = before - (int)Math.Round(fraction * before);
            Assert.Equal(after, Ones(module));
            var count = random.Next(after + 1);
            Prune.RandomUnstructured(module, "weight", count, source);
            Assert.Equal(after - count, Ones(module));
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Structured_PrunesExactlyTheAmountOfRemainingChannels(int seed)
    {
        var random = new Random(seed);
        var module = Holder.Random(seed, random.Next(1, 9), random.Next(1, 9), random.Next(1, 4));
        var dim = random.Next(-3, 3);
        Prune.L1Unstructured(module, "weight", 0.2);
        for (var round = 0; round < 3; round++)
        {
            var alive = Alive(module, dim);
            var count = random.Next(alive + 1);
            if (round % 2 == 0)
                Prune.LnStructured(module, "weight", count, round + 1, dim);
            else
                Prune.RandomStructured(module, "weight", count, new RandomSource(seed), dim);
            Assert.Equal(alive - count, Alive(module, dim));
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void AnySequence_NeverRevivesAnEntryAndKeepsTheStoredValues(int seed)
    {
        var random = new Random(seed);
        var module = Holder.Random(seed, 8, 4, 3);
        var data = module.Weight.Data.ToArray<float>();
        var source = new RandomSource(seed);
        var before = Enumerable.Repeat(1f, data.Length).ToArray();
        for (var round = 0; round < 6; round++)
        {
            Any(random, source).Apply(module, "weight");
            var after = module.Mask;
            Assert.All(after.Zip(before), pair => Assert.True(pair.First <= pair.Second));
            var value = module.Weight.Value.ToArray<float>();
            for (var i = 0; i < value.Length; i++)
                Assert.Equal(after[i] == 0 ? 0 : data[i], value[i]);
            before = after;
        }
        Assert.Equal(data, module.Weight.Data.ToArray<float>());
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Global_OverOneTensor_EqualsPerTensor(int seed)
    {
        var (global, local) = (Holder.Random(seed, 9, 7), Holder.Random(seed, 9, 7));
        foreach (var amount in (PruneAmount[])[0.3, 5])
        {
            Prune.GlobalUnstructured([(global, "weight")], new L1Unstructured(amount));
            Prune.L1Unstructured(local, "weight", amount);
            Assert.Equal(local.Mask, global.Mask);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void L1_AnyCount_PrunesTheSmallestByMagnitudeThenIndex(int seed)
    {
        var random = new Random(seed);
        var values = Enumerable.Range(0, 60).Select(_ => (float)random.Next(-5, 6)).ToArray();
        var count = random.Next(61);
        var module = new Holder(Tensor.From<float>(values, [60]));
        Prune.L1Unstructured(module, "weight", count);
        var pruned = Enumerable.Range(0, 60).OrderBy(i => Math.Abs(values[i])).Take(count).ToHashSet();
        Assert.Equal(Enumerable.Range(0, 60).Select(i => pruned.Contains(i) ? 0f : 1f), module.Mask);
    }

    [Fact]
    public void Random_SameSeed_SameMaskAndAnotherSeedAnother()
    {
        var masks = new[] { 5, 5, 6 }.Select(seed =>
        {
            var module = Holder.Random(1, 20, 20);
            Prune.RandomUnstructured(module, "weight", 0.5, new RandomSource(seed));
            return module.Mask;
        }).ToArray();
        Assert.Equal(masks[0], masks[1]);
        Assert.NotEqual(masks[0], masks[2]);
    }

    private static BasePruningMethod Any(Random random, RandomSource source) => random.Next(9) switch
    {
        0 => new L1Unstructured(random.NextDouble() * 0.4),
        1 => new RandomUnstructured(random.NextDouble() * 0.4, source),
        2 => new LnStructured(random.NextDouble() * 0.4, double.PositiveInfinity, random.Next(3)),
        3 => new RandomStructured(random.NextDouble() * 0.4, source),
        4 => new NmSparsity(3, 4, random.Next(2)),
        5 => new BlockPattern(2, 3, random.NextDouble() * 0.4),
        6 => new PerOutputUnstructured(random.NextDouble() * 0.4),
        7 => new PruningContainer(new L1Unstructured(0.1), new EveryOther()),
        _ => new Identity(),
    };

    private static int Ones(Holder module) => module.Mask.Count(m => m == 1);

    private static int Alive(Holder module, int dim)
    {
        var shape = module.Weight.Shape;
        var axis = dim < 0 ? dim + shape.Rank : dim;
        var inner = shape.Dims[(axis + 1)..].ToArray().Aggregate(1, (a, b) => a * b);
        var mask = module.Mask;
        return Enumerable.Range(0, shape[axis]).Count(c => mask.Where((m, i) => m == 1 && i / inner % shape[axis] == c).Any());
    }
}
