using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>How a linear layer's weight is stored.</summary>
public enum WeightLayout
{
    /// <summary>[out, in], as torch.nn.Linear: y = x·Wᵀ + b.</summary>
    OutIn,
    /// <summary>[in, out], as Hugging Face's Conv1D: y = x·W + b.</summary>
    InOut,
}

/// <summary>x [..., in], weight in <paramref name="Layout"/>, optional bias [out] -> [..., out].</summary>
/// <remarks>
/// A weight's panels, the form the kernels read fastest, are kept with its memory from its second use with unchanged contents on. So inference packs once,
/// and training, which changes weights at every step, keeps none that are stale.
/// </remarks>
public sealed record Linear(WeightLayout Layout) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        var (x, weight) = (inputs[0], inputs[1]);
        if (weight.Shape.Rank != 2 || x.Shape.Rank == 0)
            throw Mismatch("a weight of two axes and an input of at least one are needed.", inputs);
        var (inFeatures, outFeatures) = Layout == WeightLayout.OutIn ? (weight.Shape[1], weight.Shape[0]) : (weight.Shape[0], weight.Shape[1]);
        if (x.Shape[^1] != inFeatures)
            throw Mismatch($"the input's last axis must be {inFeatures}, the weight's input width ({Layout}).", inputs);
        if (inputs.Length > 2 && inputs[2].Shape != [outFeatures])
            throw Mismatch($"the bias must have shape [{outFeatures}].", inputs);
        foreach (var input in inputs)
            if (input.DType != DType.F32)
                throw Mismatch("all inputs must be F32.", inputs);
        return [x with { Shape = x.Shape.With(^1, outFeatures) }];
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (x, weight, y) = (inputs[0].Contiguous(), inputs[1].Contiguous(), outputs[0]);
        var (k, n) = (x.Shape[^1], y.Shape[^1]);
        var m = n == 0 ? 0 : checked((int)(y.Count / n));
        var bias = inputs.Length > 2 ? inputs[2].Contiguous() : null;
        var biasPointer = bias is null ? null : bias.Pointer<float>();
        var transposed = Layout == WeightLayout.OutIn;
        if (WeightPanels.Find(weight, k, n, transposed) is { } panels)
            Gemm.Multiply(m, x.Pointer<float>(), k, false, panels, y.Pointer<float>(), n, false, biasPointer);
        else
            Gemm.Multiply(m, n, k, x.Pointer<float>(), k, false, weight.Pointer<float>(), transposed ? k : n, transposed, y.Pointer<float>(), n, false, biasPointer);
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        GC.KeepAlive(bias);
    }
}
