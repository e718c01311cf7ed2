using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Registers of which only the first lanes count, for the rest of a row.</summary>
internal static unsafe class Lanes
{
    /// <summary>The first <paramref name="lanes"/> floats from an address on, zeros behind.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V>(float* source, int lanes) where S : ISimd<V> where V : unmanaged =>
        lanes == S.Count ? S.Load(source) : LoadSome<S, V>(source, lanes);

    /// <summary>Writes the first <paramref name="lanes"/> lanes to an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<S, V>(V value, float* target, int lanes) where S : ISimd<V> where V : unmanaged
    {
        if (lanes == S.Count)
            S.Store(value, target);
        else
            StoreSome<S, V>(value, target, lanes);
    }

    private static V LoadSome<S, V>(float* source, int lanes) where S : ISimd<V> where V : unmanaged
    {
        var padded = stackalloc float[16];
        new Span<float>(padded, 16).Clear();
        new ReadOnlySpan<float>(source, lanes).CopyTo(new Span<float>(padded, 16));
        return S.Load(padded);
    }

    private static void StoreSome<S, V>(V value, float* target, int lanes) where S : ISimd<V> where V : unmanaged
    {
        var padded = stackalloc float[16];
        S.Store(value, padded);
        new ReadOnlySpan<float>(padded, lanes).CopyTo(new Span<float>(target, lanes));
    }
}
