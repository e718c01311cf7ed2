using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Distillation loss (Hinton et al. 2015): student logits F32 [..., V], teacher logits F32 [..., V] -> F32 [].</summary>
/// <remarks>
/// <c>T^2</c> times the mean over rows of <c>KL(softmax(teacher / T) || softmax(student / T))</c>; the factor keeps gradients comparable
/// with those of a hard loss. Logits must be finite. The teacher gets no gradient.
/// </remarks>
/// <param name="Temperature">T, above 0; larger ones show more of what the teacher thinks of unlikely classes.</param>
public sealed record KlDivergence(float Temperature = 1) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs is not [{ DType: DType.F32, Shape: { Rank: >= 1 } student }, { DType: DType.F32, Shape: var teacher }]
            || student != teacher || student.Count == 0)
            throw Mismatch("student and teacher logits of one shape [..., V], F32 and not empty, are expected.", inputs);
        if (!(Temperature > 0 && float.IsFinite(Temperature)))
            throw Mismatch($"the temperature must be above 0, not {Temperature}.", inputs);
        return [new(DType.F32, [])];
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (student, teacher) = (RowMajor(inputs[0]), RowMajor(inputs[1]));
        var size = student.Shape[^1];
        var rows = student.Count / size;
        using var divergences = new NativeBuffer(rows);
        SimdKernel.Run(RowChunks.Count(rows, size), new KlDivergenceKernel(
            student.Pointer<float>(), teacher.Pointer<float>(), divergences.Pointer, rows, size, 1 / Temperature));
        var sum = 0.0;
        for (var row = 0L; row < rows; row++)
            sum += divergences.Pointer[row];
        *outputs[0].Pointer<float>() = (float)(sum / rows * Temperature * Temperature);
        GC.KeepAlive(student);
        GC.KeepAlive(teacher);
    }

    /// <inheritdoc/>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (student, teacher, dx) = (RowMajor(inputs[0]), RowMajor(inputs[1]), Tensor.Empty(inputs[0].Shape));
        var size = student.Shape[^1];
        var rows = student.Count / size;
        var factor = outputGradients[0]!.Item<float>() * Temperature / rows;
        SimdKernel.Run(RowChunks.Count(rows, size), new KlDivergenceGradientKernel(
            student.Pointer<float>(), teacher.Pointer<float>(), dx.Pointer<float>(), rows, size, 1 / Temperature, factor));
        GC.KeepAlive(student);
        GC.KeepAlive(teacher);
        return [dx, null];
    }
}
