using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>How the weight of a linear layer is stored.</summary>
public enum WeightLayout
{
    /// <summary>[out, in], as in torch's Linear.</summary>
    OutIn,
    /// <summary>[in, out], as in Hugging Face's Conv1D (GPT-2).</summary>
    InOut,
}

/// <summary>
/// Linear layer: x [..., in], weight [out, in] or [in, out] by <paramref name="Layout"/>, optional bias [out] -> x·Wᵀ + bias, [..., out].
/// </summary>
/// <remarks>
/// Float32. From the second use of unchanged contents on, the weight's panels are kept beside it (as much memory again), which makes
/// products faster and changes no byte of the result. A single row through an [out, in] weight needs none: it reads the weight itself.
/// </remarks>
public sealed record Linear(WeightLayout Layout = WeightLayout.OutIn) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length is not (2 or 3))
            throw Mismatch("expected an input, a weight and perhaps a bias.", inputs);
        foreach (var input in inputs)
            if (input.DType != DType.F32)
                throw Mismatch("expected F32 tensors; Cast them first.", inputs);
        var (x, weight) = (inputs[0].Shape, inputs[1].Shape);
        if (x.Rank == 0 || weight.Rank != 2)
            throw Mismatch("expected an input of at least one axis and a weight of two.", inputs);
        var (from, to) = Layout == WeightLayout.OutIn ? (weight[1], weight[0]) : (weight[0], weight[1]);
        if (x[^1] != from)
            throw Mismatch($"the input has {x[^1]} features, the weight ({Layout}) takes {from}.", inputs);
        if (inputs.Length == 3 && inputs[2].Shape != [to])
            throw Mismatch($"the bias must be [{to}], one for each output feature of the weight ({Layout}).", inputs);
        return [new(DType.F32, x.With(^1, to))];
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var output = outputs[0];
        if (output.Count == 0)
            return;
        var x = RowMajor(inputs[0]);
        var bias = inputs.Length == 3 ? RowMajor(inputs[2]) : null;
        var weight = inputs[1];
        var (n, k) = (output.Shape[^1], x.Shape[^1]);
        var m = checked((int)(output.Count / n));
        var transposed = Layout == WeightLayout.OutIn;
        float* input = x.Pointer<float>(), target = output.Pointer<float>(), addend = bias is null ? null : bias.Pointer<float>();
        if (m == 1 && transposed || PanelCache.Find(weight, k, n, transposed) is not { } panels)
        {
            var view = new MatrixView(weight);
            Gemm.Multiply(m, n, k, input, k, false, view.Batch(0, []), view.RowDistance, view.Transposed != transposed, target, n, false, addend);
            view.KeepAlive();
        }
        else
            Gemm.Multiply(m, input, k, false, panels, target, n, false, addend);
        GC.KeepAlive(x);
        GC.KeepAlive(bias);
    }

    /// <inheritdoc/>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (x, weight, gradient) = (RowMajor(inputs[0]), RowMajor(inputs[1]), RowMajor(outputGradients[0]!));
        var (outIn, n, k) = (Layout == WeightLayout.OutIn, gradient.Shape[^1], x.Shape[^1]);
        var m = checked((int)(gradient.Count / Math.Max(1, n)));
        float* px = x.Pointer<float>(), pw = weight.Pointer<float>(), pg = gradient.Pointer<float>();
        Tensor? dx = null, dw = null;
        bool adds;
        if (Tape.Needs(inputs[0]))
        {
            (dx, adds) = GradientMath.TargetOf(inputs[0]);
            Gemm.Multiply(m, k, n, pg, n, false, pw, outIn ? k : n, !outIn, dx.Pointer<float>(), k, adds, null);
        }
        if (Tape.Needs(inputs[1]))
        {
            (dw, adds) = GradientMath.TargetOf(inputs[1]);
            if (outIn)
                Gemm.Multiply(n, k, m, pg, n, true, px, k, false, dw.Pointer<float>(), k, adds, null);
            else
                Gemm.Multiply(k, n, m, px, k, true, pg, n, false, dw.Pointer<float>(), n, adds, null);
        }
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        GC.KeepAlive(gradient);
        return inputs.Length == 2 ? [dx, dw] : [dx, dw, Tape.Needs(inputs[2]) ? GradientMath.SumTo(gradient, inputs[2]) : null];
    }
}
