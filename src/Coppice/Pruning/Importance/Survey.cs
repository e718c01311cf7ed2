using Coppice.Checkpoints;
using Coppice.Pruning.Masks;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Importance;

/// <summary>What one pass over a weight counts before and after its mask.</summary>
internal struct Survey
{
    public long Zeros;
    public long Infinities;
    public long NaNs;
    public long Pruned;
    public long ZerosAfter;

    /// <summary>Reads each tensor once, piece by piece, and applies its mask, if any, to a copy of the piece.</summary>
    public static Survey[] Take(IReadOnlyList<(TensorSource Source, WeightMask? Mask)> tensors)
    {
        var chunks = TensorChunks.Split([.. tensors.Select(tensor => tensor.Source.Count)]);
        var surveys = new Survey[tensors.Count];
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
        var width = source.DType.ByteSize();
        var elements = source.View(chunk.First, chunk.Count, lease.Buffer);
        var infinity = MaskKernels.InfinityKey(source.DType);
        var finite = MaskKernels.CountAtMost(elements, width, infinity - 1);
        var survey = new Survey { Zeros = MaskKernels.CountAtMost(elements, width, 0) };
        if (finite < chunk.Count)
            survey.NaNs = chunk.Count - MaskKernels.CountAtMost(elements, width, infinity);
        survey.Infinities = chunk.Count - finite - survey.NaNs;
        if (mask is null)
            return survey;
        using var copyLease = TensorChunks.Rent();
        var copy = copyLease.Buffer.AsSpan(0, elements.Length);
        elements.CopyTo(copy);
        survey.Pruned = mask.Apply(chunk.First, copy);
        survey.ZerosAfter = MaskKernels.CountAtMost(copy, width, 0);
        return survey;
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
