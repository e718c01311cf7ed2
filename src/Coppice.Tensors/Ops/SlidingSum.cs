using System.Numerics.Tensors;

namespace Coppice.Tensors.Ops;

/// <summary>Sums over each entry of an axis and its neighbours, as far as there are any, F32 [.., N, ..] -> [.., N, ..].</summary>
/// <remarks><c>y[i] = x[i - Before] + ... + x[i + After]</c>: of squares of channels, the window of local response normalisation.</remarks>
/// <param name="Axis">The axis, counted from the outermost.</param>
/// <param name="Before">Neighbours before an entry, 0 or more.</param>
/// <param name="After">Neighbours behind it, 0 or more.</param>
public sealed record SlidingSum(int Axis, int Before, int After) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        inputs.Length == 1 && inputs[0].DType == DType.F32 && (uint)Axis < inputs[0].Shape.Rank && Before >= 0 && After >= 0
            ? [inputs[0]]
            : throw Mismatch($"one F32 tensor with an axis {Axis} is expected, and no negative number of neighbours.", inputs);

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var x = RowMajor(inputs[0]);
        var from = x.AsReadOnlySpan<float>();
        var to = outputs[0].AsSpan<float>();
        var (size, step) = (x.Shape[Axis], checked((int)x.Shape.ContiguousStrides()[Axis]));
        to.Clear();
        for (var start = 0; start < from.Length; start += size * step)
            for (var i = 0; i < size; i++)
            {
                var sum = to.Slice(start + i * step, step);
                for (var j = Math.Max(0, i - Before); j <= Math.Min(size - 1L, (long)i + After); j++)
                    TensorPrimitives.Add(sum, from.Slice(start + j * step, step), sum);
            }
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [ApplySingle(new SlidingSum(Axis, After, Before), outputGradients[0]!)];
}
