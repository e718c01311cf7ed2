namespace Coppice.Tensors.Autograd;

/// <summary>Gradients summed so far, by tensor. Their memory is recycled as soon as the last one that looks at it is used up.</summary>
/// <param name="scope">Owns the memory made during the pass; other memory (a caller's, a tape's) is never written to or freed.</param>
internal sealed class PendingGradients(TensorScope scope)
{
    private readonly Dictionary<Tensor, Tensor> _sums = [];
    private readonly Dictionary<Storage, int> _uses = [];
    private readonly HashSet<Tensor> _opened = [];

    public void Add(Tensor tensor, Tensor gradient)
    {
        if (!_sums.TryGetValue(tensor, out var sum))
        {
            Hold(gradient);
            _sums.Add(tensor, gradient);
        }
        else if (IsExclusive(sum))
            sum.AddInPlace(gradient);
        else
        {
            var total = sum.Add(gradient);
            Hold(total);
            _sums[tensor] = total;
            Release(sum);
        }
    }

    /// <summary>Adds the gradients of one op, which may share memory with each other.</summary>
    public void AddAll(Tensor[] tensors, Tensor?[] gradients)
    {
        foreach (var gradient in gradients)
            if (gradient is not null)
                Hold(gradient);
        for (var i = 0; i < tensors.Length; i++)
            if (gradients[i] is { } gradient && !_opened.Contains(gradient))
                Add(tensors[i], gradient);
        foreach (var gradient in gradients)
            Release(gradient);
        _opened.Clear();
    }

    /// <summary>A sum that an op may add to where it lies; null where there is none, or something else looks at its memory.</summary>
    /// <remarks>The op returns it as its gradient; <see cref="AddAll"/> then has nothing to do.</remarks>
    public Tensor? Open(Tensor tensor)
    {
        if (!_sums.TryGetValue(tensor, out var sum) || !IsExclusive(sum))
            return null;
        _opened.Add(sum);
        return sum;
    }

    /// <summary>Takes out a sum; the caller passes it to <see cref="Release"/> when done.</summary>
    public Tensor? Take(Tensor tensor) => _sums.Remove(tensor, out var sum) ? sum : null;

    /// <summary>Counts what a hook returned in the place of a taken gradient.</summary>
    public void Replace(Tensor gradient, Tensor replaced)
    {
        Hold(replaced);
        Release(gradient);
    }

    public void Release(Tensor? gradient)
    {
        if (gradient is null)
            return;
        var uses = --_uses[gradient.Storage];
        if (uses > 0)
            return;
        _uses.Remove(gradient.Storage);
        scope.Release(gradient);
    }

    /// <summary>Whether a gradient is the only one that looks at its memory, all of it.</summary>
    public bool IsExclusive(Tensor gradient) => _uses.GetValueOrDefault(gradient.Storage) == 1 && scope.Owns(gradient.Storage)
        && gradient.IsContiguous && gradient.Count * gradient.DType.ByteSize() == gradient.Storage.ByteLength;

    private void Hold(Tensor gradient) => _uses[gradient.Storage] = _uses.GetValueOrDefault(gradient.Storage) + 1;
}
