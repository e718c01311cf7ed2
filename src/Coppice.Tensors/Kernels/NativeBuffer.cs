using System.Runtime.InteropServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Aligned native memory of floats, freed on <see cref="Dispose"/> or by the garbage collector. Contents start undefined.</summary>
internal sealed unsafe partial class NativeBuffer : IDisposable
{
    private const int CacheLine = 64;
    private const int HugePage = 2 << 20;
    private const int AdviseHugePages = 14;

    private readonly long _bytes;
    private nint _pointer;

    public NativeBuffer(long count)
    {
        Count = count;
        _bytes = checked(Math.Max(count, 1) * sizeof(float));
        var huge = _bytes >= 2 * HugePage && OperatingSystem.IsLinux();
        _pointer = (nint)NativeMemory.AlignedAlloc((nuint)_bytes, huge ? HugePage : (nuint)CacheLine);
        if (huge)
            _ = Advise((void*)_pointer, (nuint)_bytes, AdviseHugePages); // a hint: without it only slower, by TLB misses
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
        NativeMemory.AlignedFree((void*)pointer);
        GC.RemoveMemoryPressure(_bytes);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
