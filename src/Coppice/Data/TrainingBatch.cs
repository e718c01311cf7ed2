using Coppice.Tensors;

namespace Coppice.Data;

/// <summary>What one training step sees, and what the model should say of it. Its tensors belong to no <see cref="TensorScope"/>: dispose
/// the batch to recycle their memory, after the step and the scope of what was computed from them.</summary>
/// <param name="Targets">Class numbers, I64 [N]: one for each row of logits that the model gives.</param>
public abstract record TrainingBatch(Tensor Targets) : IDisposable
{
    /// <summary>Number of examples.</summary>
    public abstract int Count { get; }

    /// <summary>What the model sees.</summary>
    protected abstract Tensor Input { get; }

    /// <summary>Recycles the memory of the tensors; no view of them may be used again.</summary>
    public void Dispose()
    {
        TensorScope.Recycle(Input);
        TensorScope.Recycle(Targets);
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes the tensors out of the scopes that are open where they were made.</summary>
    internal void Detach()
    {
        TensorScope.Detach(Input);
        TensorScope.Detach(Targets);
    }
}

/// <summary>Images and their classes.</summary>
/// <param name="Images">Normalised values, F32 [B, C, H, W].</param>
/// <param name="Targets">Class of each image, I64 [B].</param>
public sealed record ImageBatch(Tensor Images, Tensor Targets) : TrainingBatch(Targets)
{
    /// <inheritdoc/>
    public override int Count => Images.Shape[0];

    /// <inheritdoc/>
    protected override Tensor Input => Images;
}

/// <summary>Texts and their classes.</summary>
/// <param name="Ids">Token ids, padded behind to one length, I64 [B, T].</param>
/// <param name="Lengths">How many tokens of each row are real, [B].</param>
/// <param name="Targets">Class of each text, I64 [B].</param>
public sealed record TextBatch(Tensor Ids, IReadOnlyList<int> Lengths, Tensor Targets) : TrainingBatch(Targets)
{
    /// <inheritdoc/>
    public override int Count => Ids.Shape[0];

    /// <inheritdoc/>
    protected override Tensor Input => Ids;
}

/// <summary>Windows of text for a model that predicts the next token.</summary>
/// <param name="Ids">Token ids, I64 [B, T].</param>
/// <param name="Targets">The id that follows each, I64 [B T].</param>
public sealed record TokenBatch(Tensor Ids, Tensor Targets) : TrainingBatch(Targets)
{
    /// <inheritdoc/>
    public override int Count => Ids.Shape[0];

    /// <inheritdoc/>
    protected override Tensor Input => Ids;
}
