namespace Coppice.Tensors.Kernels;

/// <summary>Aligned native memory of floats, freed on <see cref="Dispose"/> or by the garbage collector. Contents start undefined.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private readonly long _bytes;
    private nint _pointer;

    public NativeBuffer(long count)
    {
        Count = count;
        _bytes = checked(Math.Max(count, 1) * sizeof(float));
        _pointer = (nint)AlignedMemory.Allocate((nuint)_bytes);
        GC.AddMemoryPressure(_bytes);
    }

    ~NativeBuffer() => Free();

    public long Count { get; }

    public float* Pointer => (float*)_pointer;

    /// <summary>A per-thread scratch buffer, grown where it is too small.</summary>
    public static float* Grow(ref NativeBuffer? scratch, long count)
    {
        if (scratch is null || scratch.Count < count)
        {
            scratch?.Dispose();
            scratch = new NativeBuffer(count);
        }
        return scratch.Pointer;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        var pointer = Interlocked.Exchange(ref _pointer, 0);
        if (pointer == 0)
            return;
        AlignedMemory.Free((void*)pointer);
        GC.RemoveMemoryPressure(_bytes);
    }
}
