using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>One pass over ranking keys (see <see cref="RadixSelect"/>) around a window in which the wanted key is known to lie.</summary>
public static class WindowKernel
{
    private const int BlockVectors = 1024;

    /// <summary>Counts the keys below a window and gathers those inside it, in order and without their sign bit.</summary>
    /// <param name="keys">Whole keys of <paramref name="width"/> bytes.</param>
    /// <param name="width">Bytes per key: 4 or 8.</param>
    /// <param name="low">Smallest key of the window.</param>
    /// <param name="high">Largest key of the window.</param>
    /// <param name="inside">Where the gathered keys go; as long as <paramref name="keys"/>.</param>
    public static WindowCounts Gather(ReadOnlySpan<byte> keys, int width, long low, long high, Span<byte> inside)
    {
        if (inside.Length < keys.Length)
            throw new ArgumentException($"{inside.Length} bytes of room for {keys.Length} bytes of keys.", nameof(inside));
        return width == sizeof(int)
            ? Gather(MemoryMarshal.Cast<byte, int>(keys), (int)low, (int)high, MemoryMarshal.Cast<byte, int>(inside))
            : Gather(MemoryMarshal.Cast<byte, long>(keys), low, high, MemoryMarshal.Cast<byte, long>(inside));
    }

    [SkipLocalsInit]
    private static unsafe WindowCounts Gather<T>(ReadOnlySpan<T> keys, T low, T high, Span<T> inside)
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        var magnitude = Vector512.Create(T.MaxValue);
        var lows = Vector512.Create(low);
        var highs = Vector512.Create(high);
        var below = Vector512<T>.Zero;
        var zeros = Vector512<T>.Zero;
        var largest = Vector512<T>.Zero;
        var touching = stackalloc (int First, ulong Lanes)[BlockVectors];
        var (gathered, done) = (0, 0);
        fixed (T* start = keys)
        {
            while (keys.Length - done >= Vector512<T>.Count)
            {
                // Vectors that touch the window are listed first and taken apart later: a branch here would often be mispredicted.
                var touched = 0;
                var end = Math.Min(keys.Length - Vector512<T>.Count, done + (BlockVectors - 1) * Vector512<T>.Count);
                for (; done <= end; done += Vector512<T>.Count)
                {
                    var vector = Vector512.Load(start + done) & magnitude;
                    below -= Vector512.LessThan(vector, lows);
                    zeros -= Vector512.Equals(vector, Vector512<T>.Zero);
                    largest = Vector512.Max(largest, vector);
                    var isInside = Vector512.GreaterThanOrEqual(vector, lows) & Vector512.LessThanOrEqual(vector, highs);
                    var bits = isInside.ExtractMostSignificantBits();
                    touching[touched] = (done, bits);
                    touched += bits == 0 ? 0 : 1;
                }
                for (var i = 0; i < touched; i++)
                    for (var lanes = touching[i].Lanes; lanes != 0; lanes &= lanes - 1)
                        inside[gathered++] = start[touching[i].First + BitOperations.TrailingZeroCount(lanes)] & T.MaxValue;
            }
        }
        var tail = keys[done..];
        gathered = GatherLanes(tail, low, high, inside, gathered);
        var (belowSum, zeroSum, maximum) = (Vector512.Sum(below), Vector512.Sum(zeros), T.Zero);
        for (var lane = 0; lane < Vector512<T>.Count; lane++)
            maximum = T.Max(maximum, largest[lane]);
        foreach (var key in tail)
        {
            belowSum += (key & T.MaxValue) < low ? T.One : T.Zero;
            zeroSum += (key & T.MaxValue) == T.Zero ? T.One : T.Zero;
            maximum = T.Max(maximum, key & T.MaxValue);
        }
        return new WindowCounts(
            long.CreateTruncating(belowSum), gathered, long.CreateTruncating(zeroSum), long.CreateTruncating(maximum));
    }

    private static int GatherLanes<T>(ReadOnlySpan<T> keys, T low, T high, Span<T> inside, int gathered)
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        foreach (var key in keys)
        {
            // Written in any case and kept if inside: no branch to mispredict.
            var magnitude = key & T.MaxValue;
            inside[gathered] = magnitude;
            gathered += magnitude >= low & magnitude <= high ? 1 : 0;
        }
        return gathered;
    }
}

/// <summary>What one pass over some keys tells.</summary>
/// <param name="Below">Keys below the window.</param>
/// <param name="Inside">Keys inside it, all gathered.</param>
/// <param name="Zeros">Keys that are 0.</param>
/// <param name="Largest">The largest key; 0 where there is none.</param>
public readonly record struct WindowCounts(long Below, int Inside, long Zeros, long Largest);
