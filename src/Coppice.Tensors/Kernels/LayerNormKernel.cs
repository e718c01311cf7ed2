using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary><c>y = (x - mean) / sqrt(variance + epsilon) * weight + bias</c> for each row.</summary>
/// <remarks>A first mean is corrected by the mean of the differences from it, so that rows far from 0 keep their variance.</remarks>
internal readonly unsafe struct LayerNormKernel(float* x, float* weight, float* bias, float* y, long rows, int size, float epsilon)
    : ISimdKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
            Normalize<S, V>(x + row * size, y + row * size);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Normalize<S, V>(float* source, float* target) where S : ISimd<V> where V : unmanaged
    {
        var mean = Sum<S, V>(source, 0f, squared: false) / size;
        var correction = Sum<S, V>(source, mean, squared: false) / size; // what rounding took from the mean
        var variance = Sum<S, V>(source, mean, squared: true) / size - correction * correction;
        var scale = 1f / MathF.Sqrt(variance + epsilon);
        V shift = S.Create(mean), rest = S.Create(correction), factor = S.Create(scale);
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
        {
            var normal = S.Multiply(S.Subtract(S.Subtract(S.Load(source + i), shift), rest), factor);
            S.Store(S.MultiplyAdd(normal, S.Load(weight + i), S.Load(bias + i)), target + i);
        }
        for (; i < size; i++)
            target[i] = (source[i] - mean - correction) * scale * weight[i] + bias[i];
    }

    // The sum of x - shift or of its squares, in four registers so that additions need not wait for each other.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float Sum<S, V>(float* source, float shift, bool squared) where S : ISimd<V> where V : unmanaged
    {
        V zero = S.Create(0f), sum0 = zero, sum1 = zero, sum2 = zero, sum3 = zero, by = S.Create(shift);
        var i = 0;
        for (; i <= size - 4 * S.Count; i += 4 * S.Count)
        {
            sum0 = Add<S, V>(sum0, S.Subtract(S.Load(source + i), by), squared);
            sum1 = Add<S, V>(sum1, S.Subtract(S.Load(source + i + S.Count), by), squared);
            sum2 = Add<S, V>(sum2, S.Subtract(S.Load(source + i + 2 * S.Count), by), squared);
            sum3 = Add<S, V>(sum3, S.Subtract(S.Load(source + i + 3 * S.Count), by), squared);
        }
        for (; i <= size - S.Count; i += S.Count)
            sum0 = Add<S, V>(sum0, S.Subtract(S.Load(source + i), by), squared);
        var sum = S.Sum(S.Add(S.Add(sum0, sum1), S.Add(sum2, sum3)));
        for (; i < size; i++)
            sum += squared ? (source[i] - shift) * (source[i] - shift) : source[i] - shift;
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Add<S, V>(V sum, V value, bool squared) where S : ISimd<V> where V : unmanaged =>
        squared ? S.MultiplyAdd(value, value, sum) : S.Add(sum, value);
}
