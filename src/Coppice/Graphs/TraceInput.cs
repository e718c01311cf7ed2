using Coppice.Tensors;

namespace Coppice.Graphs;

/// <summary>An input to trace a model with.</summary>
public sealed record TraceInput
{
    /// <summary>An example of an input.</summary>
    /// <param name="name">What the graph calls it.</param>
    /// <param name="example">A tensor the model accepts; its values serve for tracing only. Axes of size 1 hide what they broadcast to.</param>
    /// <param name="axes">
    /// Names of the axes that may have any size, outermost first; null for one that is always as in the example, as are those behind the
    /// last name. Equal names mean equal sizes.
    /// </param>
    /// <exception cref="ArgumentException">There are more names than axes, or the example is empty.</exception>
    public TraceInput(string name, Tensor example, params IReadOnlyList<string?> axes)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (axes.Count > example.Shape.Rank || example.Count == 0)
            throw new ArgumentException($"Input '{name}': {example} is empty, or has fewer axes than the {axes.Count} named.", nameof(axes));
        (Name, Example, Axes) = (name, example, axes);
    }

    /// <summary>What the graph calls it.</summary>
    public string Name { get; }

    /// <summary>A tensor the model accepts.</summary>
    public Tensor Example { get; }

    /// <summary>Names of the axes that may have any size; null for fixed ones.</summary>
    public IReadOnlyList<string?> Axes { get; }

    /// <summary>The input's axis sizes: symbols where axes are named.</summary>
    internal IReadOnlyList<SymbolicDim> Dims => [.. Enumerable.Range(0, Example.Shape.Rank)
        .Select(axis => axis < Axes.Count && Axes[axis] is { } name ? SymbolicDim.Symbol(name) : Example.Shape[axis])];

    /// <summary>An input of other sizes made from the example's values, repeated along its axes.</summary>
    /// <param name="sizes">Sizes of the named axes.</param>
    /// <param name="shift">How far the values are moved on, so that what is copied from them shows as different.</param>
    internal Tensor Resized(IReadOnlyDictionary<string, int> sizes, int shift)
    {
        var source = Example.Contiguous();
        var result = Tensor.Empty(Shape.Create([.. Dims.Select(dim => dim.Evaluate(sizes))]), Example.DType);
        var (width, strides, position) = (source.DType.ByteSize(), source.Strides.ToArray(), new int[source.Shape.Rank]);
        for (var i = 0L; i < result.Count; i++)
        {
            var from = (long)shift;
            for (var axis = 0; axis < position.Length; axis++)
                from += (long)(position[axis] % source.Shape[axis]) * strides[axis];
            source.ReadOnlyBytes(from % source.Count * width, width).CopyTo(result.Bytes(i * width, width));
            for (var axis = position.Length - 1; axis >= 0 && ++position[axis] == result.Shape[axis]; axis--)
                position[axis] = 0;
        }
        return result;
    }
}
