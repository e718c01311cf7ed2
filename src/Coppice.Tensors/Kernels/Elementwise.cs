using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>A function of one float, on registers.</summary>
internal interface IUnary
{
    /// <summary>The function of each lane.</summary>
    static abstract V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged;
}

/// <summary>Applies a function of one float to each element.</summary>
internal static unsafe class Elementwise
{
    /// <summary>Elements a thread takes at a time: some 10-50 us of work.</summary>
    public const int Chunk = 1 << 15;

    /// <summary><c>target[i] = f(source[i])</c>.</summary>
    public static void Run<TOp>(float* source, float* target, long count) where TOp : struct, IUnary =>
        SimdKernel.Run(Chunks(count), new Unary<TOp>(source, target, count));

    /// <summary>How many chunks there are in so many elements.</summary>
    public static int Chunks(long count) => checked((int)((count + Chunk - 1) / Chunk));

    private readonly struct Unary<TOp>(float* source, float* target, long count) : ISimdKernel where TOp : struct, IUnary
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
        {
            var start = (long)chunk * Chunk;
            float* x = source + start, y = target + start;
            var length = (int)Math.Min(Chunk, count - start);
            var i = 0;
            for (; i <= length - S.Count; i += S.Count)
                S.Store(TOp.Invoke<S, V>(S.Load(x + i)), y + i);
            if (i == length)
                return;
            // The rest takes the same path in a padded register: a value never depends on where it stands.
            var rest = stackalloc float[16];
            new ReadOnlySpan<float>(x + i, length - i).CopyTo(new Span<float>(rest, 16));
            S.Store(TOp.Invoke<S, V>(S.Load(rest)), rest);
            new ReadOnlySpan<float>(rest, length - i).CopyTo(new Span<float>(y + i, length - i));
        }
    }
}
