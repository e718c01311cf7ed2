using System.Runtime.InteropServices;
using Coppice.Pruning.Importance;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Finds what ranks lowest, exactly as many as asked: NaN ranks highest, equal ones go by lowest index.</summary>
internal static class Lowest
{
    /// <summary>Zeroes the mask where |score| is among the <paramref name="count"/> smallest.</summary>
    public static void Prune(Tensor scores, Tensor mask, long count) =>
        Prune(new MagnitudeKeys(new LiveTensor(scores), DType.F32), mask, count);

    /// <summary>Zeroes the mask where the key, of 4 bytes, is among the <paramref name="count"/> smallest.</summary>
    public static void Prune(KeySource keys, Tensor mask, long count)
    {
        if (count == 0)
            return;
        var limit = KthKey.Find([keys], count)[0];
        var target = mask.AsSpan<float>();
        using var lease = TensorChunks.Rent();
        foreach (var chunk in TensorChunks.Split([keys.Count]))
        {
            var read = MemoryMarshal.Cast<byte, int>(keys.Read(chunk.First, chunk.Count, lease.Buffer));
            for (var i = 0; i < read.Length; i++)
            {
                var key = read[i] & int.MaxValue;
                if (key < limit.Key || (key == limit.Key && chunk.First + i < limit.TieEnd))
                    target[(int)chunk.First + i] = 0;
            }
        }
    }

    /// <summary>Marks the <paramref name="count"/> smallest of some non-negative scores.</summary>
    /// <param name="scores">Norms, draws or sums.</param>
    /// <param name="count">How many.</param>
    /// <param name="withTies">Whether all that equal the last marked one are marked too.</param>
    public static bool[] Of(double[] scores, long count, bool withTies = false)
    {
        var marked = new bool[scores.Length];
        if (count == 0)
            return marked;
        var keys = Array.ConvertAll(scores, score => BitConverter.DoubleToInt64Bits(score) & long.MaxValue);
        var sorted = keys.Order().ToArray();
        var last = sorted[count - 1];
        var ties = withTies ? long.MaxValue : count - Array.IndexOf(sorted, last);
        for (var i = 0; i < keys.Length; i++)
            marked[i] = keys[i] < last || (keys[i] == last && ties-- > 0);
        return marked;
    }
}
