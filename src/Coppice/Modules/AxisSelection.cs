using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>Tensors with some indices of an axis alone, and back.</summary>
internal static class AxisSelection
{
    /// <summary>The given indices of an axis, in that order.</summary>
    public static Tensor Select(Tensor tensor, int axis, int[] indices)
    {
        var source = tensor.Contiguous();
        var result = Tensor.Empty(source.Shape.With(axis, indices.Length), source.DType);
        Copy(source, result, axis, (outer, i, size) => ((outer * size + indices[i], outer * indices.Length + i)), indices.Length);
        return result;
    }

    /// <summary>The reverse: zeros, and the tensor's entries where the indices say.</summary>
    public static Tensor Scatter(Tensor tensor, int axis, int[] indices, int size)
    {
        var source = tensor.Contiguous();
        var result = Tensor.Zeros(source.Shape.With(axis, size), source.DType);
        Copy(source, result, axis, (outer, i, _) => (outer * indices.Length + i, outer * size + indices[i]), indices.Length);
        return result;
    }

    private static void Copy(Tensor source, Tensor result, int axis, Func<long, int, int, (long From, long To)> places, int count)
    {
        var (outer, inner) = (1L, (long)source.DType.BitSize() / 8);
        for (var i = 0; i < source.Shape.Rank; i++)
            (outer, inner) = i < axis ? (outer * source.Shape[i], inner) : i > axis ? (outer, inner * source.Shape[i]) : (outer, inner);
        var bytes = checked((int)inner);
        for (var o = 0L; o < outer; o++)
            for (var i = 0; i < count; i++)
            {
                var (from, to) = places(o, i, source.Shape[axis]);
                source.ReadOnlyBytes(from * inner, bytes).CopyTo(result.Bytes(to * inner, bytes));
            }
        GC.KeepAlive(source);
    }
}
