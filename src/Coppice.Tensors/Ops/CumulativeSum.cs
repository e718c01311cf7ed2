using System.Numerics;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Sums up to each entry of an axis, numbers of any type: [.., N, ..] -> [.., N, ..].</summary>
/// <param name="Axis">The axis, counted from the outermost.</param>
/// <param name="Exclusive">Whether an entry's own value is left out.</param>
/// <param name="Reverse">Whether sums begin at the end.</param>
public sealed record CumulativeSum(int Axis, bool Exclusive = false, bool Reverse = false) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        inputs.Length == 1 && NumberTypes.Has(inputs[0].DType) && (uint)Axis < inputs[0].Shape.Rank
            ? [inputs[0]]
            : throw Mismatch($"one tensor of numbers with an axis {Axis} is expected.", inputs);

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var x = RowMajor(inputs[0]);
        NumberTypes.Run(x.DType, new Sums(x, outputs[0], this));
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [ApplySingle(this with { Reverse = !Reverse }, outputGradients[0]!)];

    private readonly unsafe struct Sums(Tensor x, Tensor y, CumulativeSum op) : INumberAction
    {
        public void Run<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T>
        {
            T* from = x.Pointer<T>(), to = y.Pointer<T>();
            long size = x.Shape[op.Axis], step = x.Shape.ContiguousStrides()[op.Axis];
            for (var row = 0L; row * size < x.Count; row++)
            {
                var at = row / step * step * size + row % step + (op.Reverse ? (size - 1) * step : 0);
                var sum = T.Zero;
                for (var i = 0; i < size; i++, at += op.Reverse ? -step : step)
                {
                    var value = from[at];
                    to[at] = op.Exclusive ? sum : sum + value;
                    sum += value;
                }
            }
        }
    }
}
