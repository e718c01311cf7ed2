using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Mean cross-entropy of softmax(logits) with class numbers, fused: logits F32 [..., V], targets I64 [...] -> F32 [].</summary>
/// <remarks>
/// A row costs <c>(1 - s) (l - x[target]) + s (l - mean(x))</c> with <c>l = ln(sum of e^x)</c> and s the smoothing (Szegedy et al. 2016);
/// rows whose target is <paramref name="IgnoredTarget"/> do not count. NaN where no row counts, as in torch. A second output, [...],
/// holds each row's l for the gradient, which flows to the logits alone.
/// </remarks>
/// <param name="LabelSmoothing">Share of the target spread over all classes, in 0..1.</param>
/// <param name="IgnoredTarget">Marks rows that do not count, padding for example.</param>
public sealed record CrossEntropy(float LabelSmoothing = 0, long IgnoredTarget = -100) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs is not [{ DType: DType.F32, Shape: { Rank: >= 1 } logits }, { DType: DType.I64, Shape: var targets }]
            || Shape.Create(logits.Dims[..^1]) != targets || logits[^1] == 0)
            throw Mismatch("logits F32 [..., V] and a target I64 [...] for each row are expected.", inputs);
        if (!(LabelSmoothing is >= 0 and <= 1))
            throw Mismatch($"label smoothing must be in 0..1, not {LabelSmoothing}.", inputs);
        return [new(DType.F32, []), new(DType.F32, targets)];
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (logits, targets) = (RowMajor(inputs[0]), RowMajor(inputs[1]));
        var (rows, size) = (targets.Count, logits.Shape[^1]);
        var counted = CheckTargets(targets.AsReadOnlySpan<long>(), size);
        using var losses = new NativeBuffer(rows);
        SimdKernel.Run(RowChunks.Count(rows, size), new CrossEntropyKernel(logits.Pointer<float>(), targets.Pointer<long>(),
            outputs[1].Pointer<float>(), losses.Pointer, rows, size, LabelSmoothing, IgnoredTarget));
        var sum = 0.0;
        for (var row = 0L; row < rows; row++)
            sum += losses.Pointer[row];
        *outputs[0].Pointer<float>() = (float)(sum / counted);
        GC.KeepAlive(logits);
        GC.KeepAlive(targets);
    }

    /// <inheritdoc/>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        if (outputGradients[0] is not { } gradient || outputGradients[1] is not null)
            throw new NotSupportedException("CrossEntropy has no gradient from its second output, which serves its own gradient alone.");
        var (logits, targets, dx) = (RowMajor(inputs[0]), RowMajor(inputs[1]), Tensor.Empty(inputs[0].Shape));
        var (rows, size) = (targets.Count, logits.Shape[^1]);
        var factor = (float)(gradient.Item<float>() / (double)CheckTargets(targets.AsReadOnlySpan<long>(), size));
        SimdKernel.Run(RowChunks.Count(rows, size), new CrossEntropyGradientKernel(logits.Pointer<float>(), targets.Pointer<long>(),
            outputs[1].Pointer<float>(), dx.Pointer<float>(), rows, size, LabelSmoothing, IgnoredTarget, factor));
        GC.KeepAlive(logits);
        GC.KeepAlive(targets);
        return [dx, null];
    }

    /// <summary>How many rows count.</summary>
    private long CheckTargets(ReadOnlySpan<long> targets, int classes)
    {
        var counted = 0L;
        for (var row = 0; row < targets.Length; row++)
        {
            if (targets[row] == IgnoredTarget)
                continue;
            if ((ulong)targets[row] >= (ulong)classes)
                throw new OpException($"CrossEntropy: target {targets[row]} of row {row} is not in 0..{classes - 1}; "
                    + $"rows that should not count are marked by {IgnoredTarget}.");
            counted++;
        }
        return counted;
    }
}
