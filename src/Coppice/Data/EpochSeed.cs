using Coppice.Tensors;

namespace Coppice.Data;

/// <summary>What all random choices of one epoch of training derive from: not threads, not what was drawn before.</summary>
/// <param name="Seed">Seed of the training run.</param>
/// <param name="Epoch">Number of the epoch.</param>
public readonly record struct EpochSeed(long Seed, int Epoch)
{
    /// <summary>A generator for the augmentation of one example, at the start of its stream.</summary>
    /// <param name="example">Position of the example in the data.</param>
    public RandomSource ForExample(int example) => new((long)Mix(Mix(Mix(0, (ulong)Seed), (ulong)Epoch), (ulong)example));

    /// <summary>The numbers 0 to <paramref name="count"/> - 1 in this epoch's order (Fisher and Yates' shuffle).</summary>
    internal int[] Order(int count)
    {
        var random = new RandomSource((long)Mix(Mix(0, (ulong)Seed), (ulong)Epoch));
        int[] order = [.. Enumerable.Range(0, count)];
        for (var i = order.Length - 1; i > 0; i--)
        {
            var other = Below(random, i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }
        return order;
    }

    /// <summary>The next draw, uniform in 0 to <paramref name="end"/> - 1.</summary>
    internal static int Below(RandomSource random, int end) => (int)(random.NextUInt32() * (ulong)end >> 32);

    /// <summary>Adds a number to a hash so that near numbers give unrelated seeds: the output function of SplitMix64 (Steele, Lea and
    /// Flood, "Fast splittable pseudorandom number generators", 2014).</summary>
    private static ulong Mix(ulong hash, ulong number)
    {
        var z = unchecked((hash ^ number) + 0x9E3779B97F4A7C15);
        z = unchecked((z ^ z >> 30) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ z >> 27) * 0x94D049BB133111EB);
        return z ^ z >> 31;
    }
}
