using System.Numerics;
using System.Runtime.InteropServices;

namespace Coppice.Pruning.Importance;

/// <summary>Ranks elements at random: each key is a hash of the seed, the tensor's place in scope and the element's index.</summary>
/// <remarks>
/// Needs no state, so any element is ranked on its own. The index goes through two rounds of a 32-bit mixer of xor-shifts and odd
/// multiplications
/// (the finalizer of MurmurHash3, A. Appleby), keyed between rounds by SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators", 2014).
/// </remarks>
internal sealed class HashKeys(long count, long seed, int tensor) : KeySource(count, sizeof(int))
{
    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Read(long first, int count, Span<byte> scratch)
    {
        var keys = MemoryMarshal.Cast<byte, uint>(scratch)[..count];
        for (var done = 0; done < count;)
        {
            // The upper half of the index changes the key of the hash, the lower half is hashed.
            var index = first + done;
            var run = (int)Math.Min(count - done, (1L << 32) - (index & uint.MaxValue));
            var key = Mix(Mix(Mix((ulong)seed) + (ulong)tensor) + (ulong)(index >> 32));
            Fill(keys.Slice(done, run), (uint)index, (uint)key, (uint)(key >> 32));
            done += run;
        }
        return MemoryMarshal.AsBytes(keys);
    }

    private static void Fill(Span<uint> keys, uint first, uint before, uint between)
    {
        var i = 0;
        for (; i + Vector<uint>.Count <= keys.Length; i += Vector<uint>.Count)
        {
            var index = Vector<uint>.Indices + new Vector<uint>(first + (uint)i);
            (Round(Round(index ^ new Vector<uint>(before)) + new Vector<uint>(between)) >> 1).CopyTo(keys[i..]);
        }
        for (; i < keys.Length; i++)
            keys[i] = Round(Round((first + (uint)i) ^ before) + between) >> 1;
    }

    private static Vector<uint> Round(Vector<uint> x)
    {
        x = (x ^ (x >> 16)) * new Vector<uint>(0x85EBCA6B);
        x = (x ^ (x >> 13)) * new Vector<uint>(0xC2B2AE35);
        return x ^ (x >> 16);
    }

    private static uint Round(uint x)
    {
        x = unchecked((x ^ (x >> 16)) * 0x85EBCA6B);
        x = unchecked((x ^ (x >> 13)) * 0xC2B2AE35);
        return x ^ (x >> 16);
    }

    private static ulong Mix(ulong x)
    {
        x = unchecked(x + 0x9E3779B97F4A7C15);
        x = unchecked((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9);
        x = unchecked((x ^ (x >> 27)) * 0x94D049BB133111EB);
        return x ^ (x >> 31);
    }
}
