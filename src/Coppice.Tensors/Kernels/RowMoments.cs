using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Mean and scale of a row for normalisation: <c>n = ((x - Mean) - Correction) Scale</c>.</summary>
/// <remarks>A first mean is corrected by the mean of the differences from it, so that rows far from 0 keep their variance.</remarks>
/// <param name="Mean">Sum / size as floats give it.</param>
/// <param name="Correction">What rounding took from the mean.</param>
/// <param name="Scale"><c>1 / sqrt(variance + epsilon)</c>.</param>
internal readonly unsafe record struct RowMoments(float Mean, float Correction, float Scale)
{
    /// <summary>Of one row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RowMoments Of<S, V>(float* row, int size, float epsilon) where S : ISimd<V> where V : unmanaged
    {
        var mean = Sum<S, V>(row, size, 0f, squared: false) / size;
        var correction = Sum<S, V>(row, size, mean, squared: false) / size;
        var variance = Sum<S, V>(row, size, mean, squared: true) / size - correction * correction;
        return new(mean, correction, 1f / MathF.Sqrt(variance + epsilon));
    }

    /// <summary><c>1 / sqrt(mean(x^2) + epsilon)</c> of one row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float InverseRootMeanSquare<S, V>(float* row, int size, float epsilon) where S : ISimd<V> where V : unmanaged =>
        1f / MathF.Sqrt(Sum<S, V>(row, size, 0f, squared: true) / size + epsilon);

    // The sum of x - shift or of its squares, in four registers so that additions need not wait for each other.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Sum<S, V>(float* row, int size, float shift, bool squared) where S : ISimd<V> where V : unmanaged
    {
        V zero = S.Create(0f), sum0 = zero, sum1 = zero, sum2 = zero, sum3 = zero, by = S.Create(shift);
        var i = 0;
        for (; i <= size - 4 * S.Count; i += 4 * S.Count)
        {
            sum0 = Add<S, V>(sum0, S.Subtract(S.Load(row + i), by), squared);
            sum1 = Add<S, V>(sum1, S.Subtract(S.Load(row + i + S.Count), by), squared);
            sum2 = Add<S, V>(sum2, S.Subtract(S.Load(row + i + 2 * S.Count), by), squared);
            sum3 = Add<S, V>(sum3, S.Subtract(S.Load(row + i + 3 * S.Count), by), squared);
        }
        for (; i <= size - S.Count; i += S.Count)
            sum0 = Add<S, V>(sum0, S.Subtract(S.Load(row + i), by), squared);
        var sum = S.Sum(S.Add(S.Add(sum0, sum1), S.Add(sum2, sum3)));
        for (; i < size; i++)
            sum += squared ? (row[i] - shift) * (row[i] - shift) : row[i] - shift;
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Add<S, V>(V sum, V value, bool squared) where S : ISimd<V> where V : unmanaged =>
        squared ? S.MultiplyAdd(value, value, sum) : S.Add(sum, value);
}
