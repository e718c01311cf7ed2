using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>From the result y, the gradient of each row's softmax, <c>y (g - sum(g y))</c>, or of its log, <c>g - e^y sum(g)</c>.</summary>
internal readonly unsafe struct SoftmaxGradientKernel(float* y, float* gradient, float* target, long rows, int size, bool logarithm)
    : ISimdKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
        {
            var g = new ReadOnlySpan<float>(gradient + row * size, size);
            var x = new Span<float>(target + row * size, size);
            var result = new ReadOnlySpan<float>(y + row * size, size);
            if (logarithm)
            {
                RowExponentials.Store<S, V>(y + row * size, size, 1, 0, -TensorPrimitives.Sum(g), target + row * size);
                TensorPrimitives.Add(x, g, x);
            }
            else
            {
                TensorPrimitives.Subtract(g, TensorPrimitives.Dot(g, result), x);
                TensorPrimitives.Multiply(x, result, x);
            }
        }
    }
}
