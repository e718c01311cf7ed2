using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>The part of a weight that a mask leaves: its flat indices, row-major, and the shape they form.</summary>
internal sealed class Remaining
{
    private readonly int[] _indices;
    private readonly Shape _shape;

    private Remaining(int[] indices, Shape shape)
    {
        _indices = indices;
        _shape = shape;
    }

    /// <summary>Entries at 1, as a flat tensor.</summary>
    public static Remaining Entries(Tensor mask)
    {
        var indices = Indices(mask, static (values, i) => values[i] != 0);
        return new(indices, [indices.Length]);
    }

    /// <summary>Channels along an axis with any entry at 1; the other axes keep their sizes.</summary>
    public static Remaining Channels(Tensor mask, int axis)
    {
        var channels = new Channels(mask.Shape, axis);
        var alive = new bool[channels.Count];
        var values = mask.AsReadOnlySpan<float>();
        for (var i = 0; i < values.Length; i++)
            alive[channels.Of(i)] |= values[i] != 0;
        var indices = Indices(mask, (_, i) => alive[channels.Of(i)]);
        return new(indices, mask.Shape.With(axis, alive.Count(a => a)));
    }

    public Tensor Gather(Tensor whole)
    {
        var from = whole.AsReadOnlySpan<float>();
        var part = Tensor.Empty(_shape);
        var to = part.AsSpan<float>();
        for (var i = 0; i < to.Length; i++)
            to[i] = from[_indices[i]];
        return part;
    }

    /// <summary>A copy of <paramref name="whole"/> with the remaining part replaced.</summary>
    public Tensor Scatter(Tensor part, Tensor whole)
    {
        var result = BinaryMask.Copy(whole);
        var from = part.AsReadOnlySpan<float>();
        var to = result.AsSpan<float>();
        for (var i = 0; i < from.Length; i++)
            to[_indices[i]] = from[i];
        return result;
    }

    private delegate bool Includes(ReadOnlySpan<float> mask, int index);

    private static int[] Indices(Tensor mask, Includes includes)
    {
        var values = mask.AsReadOnlySpan<float>();
        var indices = new List<int>();
        for (var i = 0; i < values.Length; i++)
            if (includes(values, i))
                indices.Add(i);
        return [.. indices];
    }
}
