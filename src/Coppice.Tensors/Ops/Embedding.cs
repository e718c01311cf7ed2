using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Rows of a table by their numbers: I64 ids [...], F32 table [V, D] -> [..., D], <c>y[..., d] = table[ids[...], d]</c>.</summary>
/// <remarks>Ids must be in 0..V-1; an <see cref="OpException"/> names the first that is not, and nothing is written then.</remarks>
public sealed record Embedding : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        inputs.Length == 2 && inputs[0].DType == DType.I64 && inputs[1].DType == DType.F32 && inputs[1].Shape.Rank == 2
            ? [new(DType.F32, Shape.Create([.. inputs[0].Shape.Dims, inputs[1].Shape[1]]))]
            : throw Mismatch("ids in I64 and a table F32 [V, D] are expected.", inputs);

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (idTensor, tableTensor) = (RowMajor(inputs[0]), RowMajor(inputs[1]));
        var ids = idTensor.Pointer<long>();
        float* table = tableTensor.Pointer<float>(), y = outputs[0].Pointer<float>();
        var (count, entries, size) = (idTensor.Count, tableTensor.Shape[0], tableTensor.Shape[1]);
        for (var i = 0L; i < count; i++)
            if ((ulong)ids[i] >= (ulong)entries)
                throw new OpException($"Embedding: id {ids[i]} at position {i} is not in 0..{entries - 1}, the table's {entries} entries; "
                    + "do the tokenizer and the model belong together?");
        Workers.For(RowChunks.Count(count, size), chunk =>
        {
            var (first, end) = RowChunks.Range(count, size, chunk);
            for (var i = first; i < end; i++)
                new ReadOnlySpan<float>(table + ids[i] * size, size).CopyTo(new Span<float>(y + i * size, size));
        });
        GC.KeepAlive(idTensor);
        GC.KeepAlive(tableTensor);
    }

    /// <inheritdoc/>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        if (!Tape.Needs(inputs[1]))
            return [null, null];
        var (ids, gradient) = (RowMajor(inputs[0]), RowMajor(outputGradients[0]!));
        var (table, adds) = GradientMath.TargetOf(inputs[1]);
        ScatterAdd.Run(
            ids.Pointer<long>(), ids.Count, gradient.Pointer<float>(), table.Pointer<float>(), table.Shape[0], table.Shape[1], adds);
        GC.KeepAlive(ids);
        GC.KeepAlive(gradient);
        return [null, table];
    }
}
