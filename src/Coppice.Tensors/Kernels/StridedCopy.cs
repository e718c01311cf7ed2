namespace Coppice.Tensors.Kernels;

/// <summary>Copies between strided views of one shape and element size.</summary>
internal static unsafe class StridedCopy
{
    /// <summary>Copies every element of <paramref name="source"/> to the same place in <paramref name="target"/>.</summary>
    public static void Run(Tensor source, Tensor target)
    {
        switch (source.DType.ByteSize())
        {
            case 1: Run<byte>(source, target); break;
            case 2: Run<short>(source, target); break;
            case 4: Run<int>(source, target); break;
            default: Run<long>(source, target); break;
        }
    }

    private static void Run<T>(Tensor source, Tensor target) where T : unmanaged
    {
        if (source.Count == 0)
            return;
        Walk((T*)source.Storage.Pointer + source.Offset, source.Strides, (T*)target.Storage.Pointer + target.Offset, target.Strides, source.Shape.Dims);
    }

    /// <summary>Walks the axes outermost first; runs of stride 1 are copied whole.</summary>
    private static void Walk<T>(T* source, ReadOnlySpan<int> sourceStrides, T* target, ReadOnlySpan<int> targetStrides, ReadOnlySpan<int> dims)
        where T : unmanaged
    {
        if (dims.Length == 0)
        {
            *target = *source;
            return;
        }
        if (dims.Length == 1)
        {
            CopyRow(source, sourceStrides[0], target, targetStrides[0], dims[0]);
            return;
        }
        for (var i = 0; i < dims[0]; i++)
            Walk(source + (long)i * sourceStrides[0], sourceStrides[1..], target + (long)i * targetStrides[0], targetStrides[1..], dims[1..]);
    }

    private static void CopyRow<T>(T* source, int sourceStride, T* target, int targetStride, int count) where T : unmanaged
    {
        if (sourceStride == 1 && targetStride == 1)
        {
            new ReadOnlySpan<T>(source, count).CopyTo(new Span<T>(target, count));
            return;
        }
        for (var i = 0; i < count; i++)
            target[(long)i * targetStride] = source[(long)i * sourceStride];
    }
}
