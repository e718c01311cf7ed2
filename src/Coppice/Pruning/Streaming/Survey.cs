using Coppice.Checkpoints;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>What one pass over a weight counts before and after its mask.</summary>
internal struct Survey
{
    /// <summary>Elements at a time: few enough to stay in cache through the counts.</summary>
    private const int Step = 1 << 15;

    public long Zeros;
    public long Infinities;
    public long NaNs;
    public long Pruned;
    public long ZerosAfter;

    /// <summary>Reads each tensor once, piece by piece, and applies its mask, if any, to a copy of the piece. Tensors whose mask knows
    /// its figures are not read.</summary>
    public static Survey[] Take(IReadOnlyList<(TensorSource Source, WeightMask? Mask)> tensors)
    {
        var chunks = TensorChunks.Split([.. tensors.Select(tensor => tensor.Mask?.Survey is null ? tensor.Source.Count : 0)]);
        var surveys = tensors.Select(tensor => tensor.Mask?.Survey ?? default).ToArray();
        Workers.For(chunks.Count, i =>
        {
            var (source, mask) = tensors[chunks[i].Tensor];
            var survey = Take(source, mask, chunks[i]);
            lock (surveys)
                surveys[chunks[i].Tensor].Add(survey);
        });
        return surveys;
    }

    private static Survey Take(TensorSource source, WeightMask? mask, TensorChunk chunk)
    {
        using var lease = TensorChunks.Rent();
        using var copyLease = TensorChunks.Rent();
        var survey = new Survey();
        for (var done = 0; done < chunk.Count; done += Step)
        {
            var count = Math.Min(Step, chunk.Count - done);
            var elements = source.Elements(chunk.First + done, count, lease.Buffer);
            survey.Add(Count(elements, source.DType));
            if (mask is null)
                continue;
            var copy = copyLease.Buffer.AsSpan(0, elements.Length);
            elements.CopyTo(copy);
            survey.Pruned += mask.Apply(chunk.First + done, copy);
            survey.ZerosAfter += MaskKernels.CountAtMost(copy, source.DType.ByteSize(), 0);
        }
        return survey;
    }

    private static Survey Count(ReadOnlySpan<byte> elements, DType dtype)
    {
        var width = dtype.ByteSize();
        var count = elements.Length / width;
        var infinity = MaskKernels.InfinityKey(dtype);
        var finite = MaskKernels.CountAtMost(elements, width, infinity - 1);
        var nans = finite == count ? 0 : count - MaskKernels.CountAtMost(elements, width, infinity);
        return new Survey { Zeros = MaskKernels.CountAtMost(elements, width, 0), NaNs = nans, Infinities = count - finite - nans };
    }

    private void Add(in Survey other)
    {
        Zeros += other.Zeros;
        Infinities += other.Infinities;
        NaNs += other.NaNs;
        Pruned += other.Pruned;
        ZerosAfter += other.ZerosAfter;
    }
}
