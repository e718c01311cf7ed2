using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>The slices of a tensor along one axis.</summary>
internal sealed class Channels
{
    private readonly int _inner;

    public Channels(Shape shape, int axis)
    {
        Count = shape[axis];
        _inner = checked((int)shape.CountBehind(axis));
    }

    public int Count { get; }

    /// <summary>The channel of an element, given its flat row-major index.</summary>
    public int Of(int index) => index / _inner % Count;

    /// <summary>The axis that <paramref name="dim"/> means; negative counts from the end.</summary>
    public static int Axis(Shape shape, int dim, string label)
    {
        if (shape.Rank < 2)
            throw new ArgumentException($"{label} has shape {shape}: channels need two axes or more; use an unstructured method.");
        if (dim < -shape.Rank || dim >= shape.Rank)
            throw new ArgumentOutOfRangeException(
                nameof(dim), dim, $"{label} has shape {shape}: choose an axis from {-shape.Rank} to {shape.Rank - 1}.");
        return dim < 0 ? dim + shape.Rank : dim;
    }

    /// <summary>Zeroes the mask in the marked channels.</summary>
    public void Prune(Tensor mask, bool[] marked)
    {
        var values = mask.AsSpan<float>();
        for (var i = 0; i < values.Length; i++)
            if (marked[Of(i)])
                values[i] = 0;
    }
}
