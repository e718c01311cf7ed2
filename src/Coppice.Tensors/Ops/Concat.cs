namespace Coppice.Tensors.Ops;

/// <summary>Joins tensors of one type along an axis: [..., N1, ...], [..., N2, ...], ... -> [..., N1 + N2 + ..., ...].</summary>
/// <param name="Axis">The axis, counted from the outermost.</param>
public sealed record Concat(int Axis) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.IsEmpty || (uint)Axis >= inputs[0].Shape.Rank)
            throw Mismatch($"at least one tensor with an axis {Axis} is expected.", inputs);
        var size = 0;
        foreach (var (dtype, shape) in inputs)
        {
            if (dtype != inputs[0].DType || shape.Rank != inputs[0].Shape.Rank || shape.With(Axis, 0) != inputs[0].Shape.With(Axis, 0))
                throw Mismatch($"types, and all sizes but axis {Axis}, must be equal.", inputs);
            size = checked(size + shape[Axis]);
        }
        return [inputs[0] with { Shape = inputs[0].Shape.With(Axis, size) }];
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var output = outputs[0];
        var outer = Product(output.Shape.Dims[..Axis]);
        var row = Product(output.Shape.Dims[Axis..]) * output.DType.ByteSize();
        var target = output.Storage.Pointer + output.Offset * output.DType.ByteSize();
        foreach (var input in inputs)
        {
            var source = RowMajor(input);
            var bytes = source.Storage.Pointer + source.Offset * source.DType.ByteSize();
            var block = Product(source.Shape.Dims[Axis..]) * source.DType.ByteSize();
            for (var i = 0L; i < outer; i++)
                Buffer.MemoryCopy(bytes + i * block, target + i * row, block, block);
            target += block;
            GC.KeepAlive(source);
        }
    }

/// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var gradients = new Tensor?[inputs.Length];
        var start = 0;
        for (var i = 0; i < inputs.Length; i++)
        {
            gradients[i] = outputGradients[0]!.Narrow(Axis, start, inputs[i].Shape[Axis]);
            start += inputs[i].Shape[Axis];
        }
        return gradients;
    }

    private static long Product(ReadOnlySpan<int> dims)
    {
        var product = 1L;
        foreach (var dim in dims)
            product *= dim;
        return product;
    }
}
