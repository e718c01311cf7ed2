using System.Numerics.Tensors;

namespace Coppice.Tensors.Kernels;

/// <summary>Each row's loss and logarithm of the sum of exponentials; see <see cref="Ops.CrossEntropy"/>.</summary>
internal readonly unsafe struct CrossEntropyKernel(
    float* logits, long* targets, float* logSums, float* losses, long rows, int size, float smoothing, long ignored) : ISimdKernel
{
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
        {
            var x = logits + row * size;
            var isIgnored = targets[row] == ignored;
            var logSum = isIgnored ? 0 : RowExponentials.LogSum<S, V>(x, size, 1);
            logSums[row] = logSum;
            losses[row] = isIgnored ? 0 : (1 - smoothing) * (logSum - x[targets[row]]);
            if (smoothing > 0 && !isIgnored)
                losses[row] += smoothing * (logSum - TensorPrimitives.Sum(new ReadOnlySpan<float>(x, size)) / size);
        }
    }
}

/// <summary><c>dx = factor (softmax(x) - s / V)</c>, less <c>factor (1 - s)</c> at the target; 0 in rows that do not count.</summary>
internal readonly unsafe struct CrossEntropyGradientKernel(
    float* logits, long* targets, float* logSums, float* dx, long rows, int size, float smoothing, long ignored, float factor) : ISimdKernel
{
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
        {
            var target = new Span<float>(dx + row * size, size);
            if (targets[row] == ignored)
            {
                target.Clear();
                continue;
            }
            RowExponentials.Store<S, V>(logits + row * size, size, 1, logSums[row], factor, dx + row * size);
            if (smoothing > 0)
                TensorPrimitives.Subtract(target, factor * smoothing / size, target);
            target[(int)targets[row]] -= factor * (1 - smoothing);
        }
    }
}
