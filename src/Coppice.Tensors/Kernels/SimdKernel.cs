using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>A kernel cut into chunks that may run in any order and on any thread, written for any register width.</summary>
/// <remarks>The cut never depends on the number of threads, so neither do the results.</remarks>
internal interface ISimdKernel
{
    /// <summary>Computes one chunk.</summary>
    void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged;
}

/// <summary>Starts kernels at the widest registers the machine has.</summary>
internal static class SimdKernel
{
    /// <summary>Runs chunks 0..<paramref name="chunks"/> of a kernel on the workers.</summary>
    /// <param name="chunks">How many there are.</param>
    /// <param name="kernel">What to run.</param>
    /// <param name="width">Floats that registers must divide, for kernels that cannot handle a rest; 16 sets no limit.</param>
    public static void Run<TKernel>(int chunks, TKernel kernel, int width = 16) where TKernel : struct, ISimdKernel
    {
        if (Vector512.IsHardwareAccelerated && width % 16 == 0)
            For<TKernel, Simd512, Vector512<float>>(chunks, kernel);
        else if (Vector256.IsHardwareAccelerated && width % 8 == 0)
            For<TKernel, Simd256, Vector256<float>>(chunks, kernel);
        else
            For<TKernel, Simd128, Vector128<float>>(chunks, kernel);
    }

    private static void For<TKernel, S, V>(int chunks, TKernel kernel)
        where TKernel : struct, ISimdKernel where S : ISimd<V> where V : unmanaged
    {
        if (chunks == 1)
            kernel.Run<S, V>(0);
        else
            ForAll<TKernel, S, V>(chunks, kernel);
    }

    // Apart from For, so that a single chunk allocates no closure.
    private static void ForAll<TKernel, S, V>(int chunks, TKernel kernel)
        where TKernel : struct, ISimdKernel where S : ISimd<V> where V : unmanaged =>
        Workers.For(chunks, chunk => kernel.Run<S, V>(chunk));
}
