using System.Numerics.Tensors;

namespace Coppice.Tensors.Kernels;

/// <summary>The gradient to a tensor of which a range of one axis was used.</summary>
internal static unsafe class WindowGradient
{
    /// <summary>Adds <paramref name="part"/> to entries from <paramref name="start"/> on of an axis, or writes it there and 0 elsewhere.</summary>
    /// <remarks>Both are row-major and of one shape but for the axis.</remarks>
    public static void Run(Tensor part, Tensor target, int axis, int start, bool adds)
    {
        var inner = 1;
        foreach (var dim in target.Shape.Dims[(axis + 1)..])
            inner *= dim;
        var (size, width, offset) = (target.Shape[axis] * inner, part.Shape[axis] * inner, start * inner);
        var rows = size == 0 ? 0 : target.Count / size;
        float* source = part.Pointer<float>(), y = target.Pointer<float>();
        Workers.For(RowChunks.Count(rows, size), chunk =>
        {
            var (first, end) = RowChunks.Range(rows, size, chunk);
            for (var row = first; row < end; row++)
            {
                var window = new ReadOnlySpan<float>(source + row * width, width);
                var all = new Span<float>(y + row * size, size);
                var place = all.Slice(offset, width);
                if (adds)
                {
                    TensorPrimitives.Add(place, window, place);
                    continue;
                }
                all[..offset].Clear();
                window.CopyTo(place);
                all[(offset + width)..].Clear();
            }
        });
        GC.KeepAlive(part);
        GC.KeepAlive(target);
    }
}
