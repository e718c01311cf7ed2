using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>What becomes of several numbers.</summary>
public enum Reduction
{
    /// <summary>Their sum; 0 of none.</summary>
    Sum,
    /// <summary>Their mean; NaN of none.</summary>
    Mean,
    /// <summary>The largest; NaN where there is one. There must be one at least.</summary>
    Max,
    /// <summary>The smallest; NaN where there is one. There must be one at least.</summary>
    Min,
    /// <summary>Their product; 1 of none.</summary>
    Product,
    /// <summary><c>log(sum of e^x)</c>, without overflow.</summary>
    LogSumExp,
}

/// <summary>Makes one number of all along some axes, which keep size 1: [.., N, ..] -> [.., 1, ..].</summary>
/// <remarks>
/// F32, or for all but LogSumExp any number type. The gradient of Max and Min is shared equally by equal values, as torch.amax does.
/// </remarks>
/// <param name="Kind">What number.</param>
/// <param name="Axes">The axes, each once.</param>
public sealed record Reduce(Reduction Kind, IntList Axes) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 1 || !NumberTypes.Has(inputs[0].DType) || (Kind == Reduction.LogSumExp && inputs[0].DType != DType.F32))
            throw Mismatch("one tensor of numbers (F32 for LogSumExp) is expected.", inputs);
        var shape = inputs[0].Shape;
        if (Axes.Distinct().Count() != Axes.Count || Axes.Any(axis => (uint)axis >= shape.Rank))
            throw Mismatch($"{Axes} are not axes of it, each once.", inputs);
        if (Kind is Reduction.Max or Reduction.Min && Axes.Any(axis => shape[axis] == 0))
            throw Mismatch($"there is no {Kind} of no numbers.", inputs);
        foreach (var axis in Axes)
            shape = shape.With(axis, 1);
        return [inputs[0] with { Shape = shape }];
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var rows = RowMajor(Rows(inputs[0]));
        if (rows.DType == DType.F32 && Kind is Reduction.Sum or Reduction.LogSumExp)
            ReduceKernels.Singles(Kind, rows, outputs[0], Length(inputs[0]));
        else
            ReduceKernels.Numbers(Kind, rows, outputs[0], Length(inputs[0]));
        GC.KeepAlive(rows);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (x, y, gradient) = (inputs[0], outputs[0], outputGradients[0]!);
        switch (Kind)
        {
            case Reduction.Sum: return [gradient.Expand(x.Shape)];
            case Reduction.Mean: return [GradientMath.Scale(gradient, 1f / Length(x)).Expand(x.Shape)];
            case Reduction.LogSumExp: return [x.Subtract(y).Exp().Multiply(gradient)];
            case Reduction.Product: return [ReduceKernels.OthersProduct(RowMajor(x), Axes).Multiply(gradient)];
            default:
                var winners = x.Compare(Comparison.Equal, y).Cast(DType.F32);
                return [winners.Multiply(gradient.Divide(Op.ApplySingle(new Reduce(Reduction.Sum, Axes), winners)))];
        }
    }

    private int Length(Tensor x) => Axes.Aggregate(1, (length, axis) => checked(length * x.Shape[axis]));

    /// <summary>A view with the reduced axes last.</summary>
    private Tensor Rows(Tensor x)
    {
        var axes = Axes;
        int[] order = [.. Enumerable.Range(0, x.Shape.Rank).Where(axis => !axes.Contains(axis)), .. Axes.Order()];
        return new(x.Storage, x.Offset, Shape.Create([.. order.Select(axis => x.Shape[axis])]), Array.ConvertAll(order, axis => x.Strides[axis]),
            x.DType);
    }
}
