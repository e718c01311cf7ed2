using Coppice.Tensors;

namespace Coppice.Data;

/// <summary>What one training step sees, and what the model should say of it.</summary>
/// <param name="Targets">Class numbers, I64 [N]: one for each row of logits that the model gives.</param>
public abstract record TrainingBatch(Tensor Targets)
{
    /// <summary>Examples in it.</summary>
    public abstract int Examples { get; }
}

/// <summary>Images, normalised: F32 [B, C, H, W], with a target each.</summary>
public sealed record ImageBatch(Tensor Images, Tensor Targets) : TrainingBatch(Targets)
{
    /// <inheritdoc/>
    public override int Examples => Images.Shape[0];
}

/// <summary>Token ids, padded behind to one length: I64 [B, T], with a target each.</summary>
/// <param name="Ids">The ids.</param>
/// <param name="Lengths">How many of each row are real.</param>
/// <param name="Targets">Class numbers, I64 [B].</param>
public sealed record TextBatch(Tensor Ids, IReadOnlyList<int> Lengths, Tensor Targets) : TrainingBatch(Targets)
{
    /// <inheritdoc/>
    public override int Examples => Ids.Shape[0];
}

/// <summary>Windows of a corpus: ids I64 [B, T], and for each position the id that follows, I64 [B T].</summary>
public sealed record TokenBatch(Tensor Ids, Tensor Targets) : TrainingBatch(Targets)
{
    /// <inheritdoc/>
    public override int Examples => Ids.Shape[0];
}
