using System.Runtime.InteropServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Native memory at the start of a cache line. Large blocks ask for huge pages, without which streaming them misses the TLB.</summary>
internal static unsafe partial class AlignedMemory
{
    private const nuint CacheLine = 64;
    private const nuint HugePage = 2 << 20;
    private const int AdviseHugePages = 14;

    /// <summary>Memory of undefined contents.</summary>
    public static void* Allocate(nuint bytes)
    {
        if (bytes < 2 * HugePage || !OperatingSystem.IsLinux())
            return NativeMemory.AlignedAlloc(bytes, CacheLine);
        var block = NativeMemory.AlignedAlloc(bytes, HugePage);
        _ = Advise(block, bytes, AdviseHugePages); // a hint: refused, it is only slower
        return block;
    }

    public static void Free(void* block) => NativeMemory.AlignedFree(block);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
