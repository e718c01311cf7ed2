using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>The upper or lower triangle of each matrix, zero elsewhere, any type: [..., M, N] -> [..., M, N].</summary>
/// <param name="Upper">Whether columns <c>j >= i + Diagonal</c> of row i are kept; otherwise <c>j &lt;= i + Diagonal</c>.</param>
/// <param name="Diagonal">0 for the main diagonal, above it 1 and on, below it -1 and on.</param>
public sealed record Triangle(bool Upper, long Diagonal = 0) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        inputs.Length == 1 && inputs[0].Shape.Rank >= 2 && inputs[0].DType.BitSize() % 8 == 0
            ? [inputs[0]]
            : throw Mismatch("one tensor of two axes or more is expected.", inputs);

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var y = outputs[0];
        StridedCopy.Run(inputs[0], y);
        var (rows, columns, size) = (y.Shape[^2], y.Shape[^1], y.DType.ByteSize());
        for (var row = 0L; row * columns < y.Count; row++)
        {
            var edge = Math.Clamp(row % rows + Math.Clamp(Diagonal, int.MinValue, int.MaxValue) + (Upper ? 0 : 1), 0L, columns);
            var (first, end) = Upper ? (0, (int)edge) : ((int)edge, columns);
            y.Bytes((row * columns + first) * size, (end - first) * size).Clear();
        }
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [ApplySingle(this, outputGradients[0]!)];
}
