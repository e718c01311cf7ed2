using System.Numerics.Tensors;

namespace Coppice.Tensors.Kernels;

/// <summary>Each row's divergence of the student's from the teacher's distribution; see <see cref="Ops.KlDivergence"/>.</summary>
/// <remarks>With p the teacher's probabilities: <c>sum of p (t - s) scale + ln(sum e^(scale s)) - ln(sum e^(scale t))</c>.</remarks>
internal readonly unsafe struct KlDivergenceKernel(float* student, float* teacher, float* divergences, long rows, int size, float scale)
    : ISimdKernel
{
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        using var buffer = new NativeBuffer(2L * size);
        Span<float> p = new(buffer.Pointer, size), difference = new(buffer.Pointer + size, size);
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
        {
            float* s = student + row * size, t = teacher + row * size;
            float studentSum = RowExponentials.LogSum<S, V>(s, size, scale), teacherSum = RowExponentials.LogSum<S, V>(t, size, scale);
            RowExponentials.Store<S, V>(t, size, scale, teacherSum, 1, buffer.Pointer);
            TensorPrimitives.Subtract(new ReadOnlySpan<float>(t, size), new ReadOnlySpan<float>(s, size), difference);
            // Rounding may take an exact 0 below it.
            divergences[row] = Math.Max(TensorPrimitives.Dot<float>(p, difference) * scale + studentSum - teacherSum, 0);
        }
    }
}

/// <summary><c>dx = factor (softmax(scale s) - softmax(scale t))</c>.</summary>
internal readonly unsafe struct KlDivergenceGradientKernel(
    float* student, float* teacher, float* dx, long rows, int size, float scale, float factor) : ISimdKernel
{
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        using var buffer = new NativeBuffer(size);
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
        {
            float* s = student + row * size, t = teacher + row * size;
            var target = new Span<float>(dx + row * size, size);
            RowExponentials.Store<S, V>(s, size, scale, RowExponentials.LogSum<S, V>(s, size, scale), factor, dx + row * size);
            RowExponentials.Store<S, V>(t, size, scale, RowExponentials.LogSum<S, V>(t, size, scale), factor, buffer.Pointer);
            TensorPrimitives.Subtract(target, new ReadOnlySpan<float>(buffer.Pointer, size), target);
        }
    }
}
