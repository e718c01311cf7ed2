namespace Coppice.Tensors.Kernels;

/// <summary>Copies a strided view into row-major memory.</summary>
internal static unsafe class StridedCopy
{
    /// <summary>Walks the axes outermost first; runs of stride 1 are copied whole.</summary>
    public static void Run<T>(T* source, T* target, ReadOnlySpan<int> dims, ReadOnlySpan<int> strides) where T : unmanaged
    {
        if (dims.Length == 0)
        {
            *target = *source;
            return;
        }
        if (dims.Length == 1)
        {
            CopyRow(source, target, dims[0], strides[0]);
            return;
        }
        long inner = 1;
        foreach (var dim in dims[1..])
            inner *= dim;
        for (var i = 0; i < dims[0]; i++)
            Run(source + (long)i * strides[0], target + i * inner, dims[1..], strides[1..]);
    }

    private static void CopyRow<T>(T* source, T* target, int count, int stride) where T : unmanaged
    {
        if (stride == 1)
        {
            new ReadOnlySpan<T>(source, count).CopyTo(new Span<T>(target, count));
            return;
        }
        for (var i = 0; i < count; i++)
            target[i] = source[(long)i * stride];
    }
}
