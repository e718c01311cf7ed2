namespace Coppice.Tensors.Autograd;

/// <summary>One walk over the entries of a tape, last first: each gradient is complete when its producer is reached.</summary>
internal sealed class BackwardPass(
    IReadOnlyList<TapeEntry> entries,
    HashSet<Tensor> tracked,
    IReadOnlyDictionary<Tensor, Action<Tensor>?> leaves,
    IReadOnlyDictionary<Tensor, List<Func<Tensor, Tensor?>>> hooks,
    bool detectsNonFinite)
{
    private readonly Dictionary<Tensor, Tensor> _results = [];
    private PendingGradients? _pending;

    /// <summary>See <see cref="PendingGradients.Open"/>.</summary>
    public Tensor? OpenSum(Tensor tensor) => _pending?.Open(tensor);

    public Dictionary<Tensor, Tensor> Run(Tensor output, Tensor gradient)
    {
        using var scope = new TensorScope();
        var pending = _pending = new PendingGradients(scope);
        pending.Add(output, gradient);
        for (var i = entries.Count - 1; i >= 0; i--)
            Visit(entries[i], pending);
        foreach (var (leaf, receive) in leaves)
            if (pending.Take(leaf) is { } found)
                Deliver(leaf, receive, Hooked(leaf, found, pending), pending);
        return _results;
    }

    private void Visit(TapeEntry entry, PendingGradients pending)
    {
        var gradients = Array.ConvertAll(entry.Outputs, pending.Take);
        if (Array.TrueForAll(gradients, gradient => gradient is null))
            return;
        for (var i = 0; i < gradients.Length; i++)
        {
            var output = entry.Outputs[i];
            if (gradients[i] is not { } taken)
                continue;
            gradients[i] = Hooked(output, taken, pending);
            if (leaves.TryGetValue(output, out var receive))
                Deliver(output, receive, gradients[i]!, pending: null);
        }
        var inputGradients = Differentiate(entry, gradients);
        pending.AddAll(entry.Inputs, inputGradients);
        foreach (var gradient in gradients)
            pending.Release(gradient);
    }

    /// <summary>The gradients that are wanted; what else the op needed on the way is recycled.</summary>
    private Tensor?[] Differentiate(TapeEntry entry, Tensor?[] outputGradients)
    {
        using var scope = new TensorScope();
        var gradients = entry.Backward(outputGradients);
        for (var i = 0; i < gradients.Length; i++)
        {
            if (gradients[i] is not { } gradient)
                continue;
            if (!tracked.Contains(entry.Inputs[i]))
            {
                gradients[i] = null;
                continue;
            }
            if (detectsNonFinite)
                NonFinite.Refuse(gradient, entry.Op, entry.Inputs, $"the gradient to input {i}");
            scope.Keep(gradient);
        }
        return gradients;
    }

    private Tensor Hooked(Tensor tensor, Tensor gradient, PendingGradients pending)
    {
        if (!hooks.TryGetValue(tensor, out var calls))
            return gradient;
        foreach (var hook in calls)
        {
            if (hook(gradient) is not { } replaced)
                continue;
            if (replaced.Shape != tensor.Shape || replaced.DType != DType.F32)
                throw new InvalidOperationException(
                    $"A gradient hook of {tensor} returned {replaced}; it must have the tensor's shape, in F32.");
            pending.Replace(gradient, replaced);
            gradient = replaced;
        }
        return gradient;
    }

    /// <summary>Hands over a gradient: itself where nothing else looks at its memory, else a copy.</summary>
    private void Deliver(Tensor leaf, Action<Tensor>? receive, Tensor gradient, PendingGradients? pending)
    {
        if (pending is null || !pending.IsExclusive(gradient))
        {
            var copy = Tensor.Empty(gradient.Shape);
            copy.CopyFrom(gradient);
            pending?.Release(gradient);
            gradient = copy;
        }
        TensorScope.Detach(gradient);
        if (receive is null)
            _results[leaf] = gradient;
        else
            receive(gradient);
    }
}
