using Coppice.Tensors;

namespace Coppice.Data;

/// <summary>Examples put together for one training step. Its tensors belong to no <see cref="TensorScope"/>: dispose the batch to recycle
/// their memory, after the step and the scope of what was computed from them.</summary>
public abstract record TrainingBatch : IDisposable
{
    /// <summary>Number of examples.</summary>
    public abstract int Count { get; }

    /// <summary>All tensors of the batch.</summary>
    protected abstract IReadOnlyList<Tensor> Tensors { get; }

    /// <summary>Recycles the memory of the tensors; no view of them may be used again.</summary>
    public void Dispose()
    {
        foreach (var tensor in Tensors)
            TensorScope.Recycle(tensor);
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes the tensors out of the scopes that are open where they were made.</summary>
    internal void Detach()
    {
        foreach (var tensor in Tensors)
            TensorScope.Detach(tensor);
    }
}

/// <summary>Images and their classes.</summary>
/// <param name="Images">Normalised values, F32 [B, C, H, W].</param>
/// <param name="Targets">Class of each image, I64 [B].</param>
public sealed record ImageBatch(Tensor Images, Tensor Targets) : TrainingBatch
{
    /// <inheritdoc/>
    public override int Count => Images.Shape[0];

    /// <inheritdoc/>
    protected override IReadOnlyList<Tensor> Tensors => [Images, Targets];
}

/// <summary>Texts and their classes.</summary>
/// <param name="Ids">Token ids, padded behind to one length, I64 [B, T].</param>
/// <param name="Lengths">How many tokens of each row are real, [B].</param>
/// <param name="Targets">Class of each text, I64 [B].</param>
public sealed record TextBatch(Tensor Ids, IReadOnlyList<int> Lengths, Tensor Targets) : TrainingBatch
{
    /// <inheritdoc/>
    public override int Count => Ids.Shape[0];

    /// <inheritdoc/>
    protected override IReadOnlyList<Tensor> Tensors => [Ids, Targets];
}

/// <summary>Windows of text for a model that predicts the next token: the targets of the first T-1 ids are the ids one place on.</summary>
/// <param name="Ids">Token ids, I64 [B, T].</param>
public sealed record TokenBatch(Tensor Ids) : TrainingBatch
{
    /// <inheritdoc/>
    public override int Count => Ids.Shape[0];

    /// <inheritdoc/>
    protected override IReadOnlyList<Tensor> Tensors => [Ids];
}
