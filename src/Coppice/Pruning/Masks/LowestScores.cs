using System.Runtime.InteropServices;
using Coppice.Pruning.Importance;
using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Prunes the remaining entries of lowest score, negative ones first; <see cref="L1Unstructured"/> ranks |score|.</summary>
/// <remarks>Equal scores go by lowest flat index.</remarks>
/// <param name="amount">Of the remaining entries.</param>
public sealed class LowestScores(PruneAmount amount) : BasePruningMethod
{
    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Unstructured;

    /// <inheritdoc/>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        var count = amount.Of(scores.Count, $"remaining weights of {Target}");
        if (count > 0)
            Prune(scores, defaultMask, count);
        return defaultMask;
    }

    private static void Prune(Tensor scores, Tensor mask, long count)
    {
        var limit = KthKey.Find([new ScoreKeys(scores)], count)[0];
        var values = scores.AsReadOnlySpan<float>();
        var target = mask.AsSpan<float>();
        for (var i = 0; i < target.Length; i++)
        {
            var key = ScoreKeys.Of(values[i]);
            if (key < limit.Key || (key == limit.Key && i < limit.TieEnd))
                target[i] = 0;
        }
        GC.KeepAlive(scores);
    }

    /// <summary>Keys in the order of signed values. They fill the upper bits, where radix selection looks first.</summary>
    private sealed class ScoreKeys(Tensor scores) : KeySource(scores.Count, sizeof(long))
    {
        private const int Shift = 30;
        private const long Zero = 1L << 31;

        public override bool ReadsAnywhere => true;

        public static long Of(float score)
        {
            var bits = BitConverter.SingleToInt32Bits(score);
            return (bits < 0 ? Zero - (bits & int.MaxValue) : Zero + bits) << Shift;
        }

        public override ReadOnlySpan<byte> Read(long first, int count, Span<byte> scratch)
        {
            var values = scores.AsReadOnlySpan<float>().Slice((int)first, count);
            var keys = MemoryMarshal.Cast<byte, long>(scratch)[..count];
            for (var i = 0; i < count; i++)
                keys[i] = Of(values[i]);
            GC.KeepAlive(scores);
            return MemoryMarshal.AsBytes(keys);
        }
    }
}
