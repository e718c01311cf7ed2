using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Tensors.Kernels;

/// <summary>Asks for memory before it is needed, where the machine has an instruction for it.</summary>
internal static unsafe class Prefetch
{
    /// <summary>Floats to look ahead when reading one stream: a page, where the processor's own prefetching stops.</summary>
    public const int Ahead = 1024;

    /// <summary>Floats of a cache line.</summary>
    public const int LineLength = 16;

    /// <summary>Fetches the cache line of an address, which need not be valid.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(float* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(address);
    }

    /// <summary>Fetches the cache line of an address, which need not be valid, for later: no nearer than the second level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LaterLine(float* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch1(address);
    }
}
