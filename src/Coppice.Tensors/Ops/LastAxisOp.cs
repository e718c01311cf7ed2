namespace Coppice.Tensors.Ops;

/// <summary>A function of each row (the last axis) of one F32 tensor.</summary>
public abstract record LastAxisOp : Op
{
    /// <summary>Type of the outputs.</summary>
    private protected virtual DType Output => DType.F32;

    /// <summary>Whether a row gives a row; otherwise it gives one value.</summary>
    private protected abstract bool KeepsAxis { get; }

    /// <summary>Whether rows without elements have a result.</summary>
    private protected virtual bool AllowsEmpty => true;

    /// <inheritdoc/>
    public sealed override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 1 || inputs[0].DType != DType.F32)
            throw Mismatch("one F32 tensor is expected; convert with Cast.", inputs);
        var shape = inputs[0].Shape;
        if (shape.Rank == 0)
            throw Mismatch("there is no last axis; a scalar can be reshaped to [1].", inputs);
        if (shape[^1] == 0 && !AllowsEmpty)
            throw Mismatch("the last axis is empty.", inputs);
        return [new(Output, KeepsAxis ? shape : Shape.Create(shape.Dims[..^1]))];
    }

    /// <inheritdoc/>
    public sealed override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var x = RowMajor(inputs[0]);
        var rows = 1L;
        foreach (var dim in x.Shape.Dims[..^1])
            rows *= dim;
        Compute(x, outputs[0], rows, x.Shape[^1]);
        GC.KeepAlive(x);
    }

    private protected abstract void Compute(Tensor x, Tensor y, long rows, int size);
}
