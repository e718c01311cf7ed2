using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Scaled dot-product attention, heads merged: <c>y = softmax(Scale * q k^T + mask) v</c> (Vaswani et al. 2017).</summary>
/// <remarks>
/// F32 q [B, H, Tq, D], k [B, Hkv, Tk, D], v [B, Hkv, Tk, D], optionally an additive mask [B or 1, H or 1, Tq or 1, Tk]
/// -> [B, Tq, H * D]. H is a multiple of Hkv; key head j serves the H / Hkv query heads from <c>j H / Hkv</c> on.
/// Views are read where they lie as long as the last axis has stride 1.
/// A query that sees no key at all (mask of -inf) gives NaN, as in torch.
/// </remarks>
/// <param name="Causal">Whether query i sees only keys up to <c>i + Tk - Tq</c>; needs Tk >= Tq.</param>
/// <param name="Scale">Factor of the scores, usually <c>1 / sqrt(D)</c>.</param>
public sealed record Attention(bool Causal, float Scale) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length is not (3 or 4))
            throw Mismatch("q, k, v and optionally a mask are expected.", inputs);
        foreach (var (dtype, shape) in inputs)
            if (dtype != DType.F32 || shape.Rank != 4)
                throw Mismatch("all inputs must be F32 with four axes.", inputs);
        var (q, k) = (inputs[0].Shape, inputs[1].Shape);
        if (k != inputs[2].Shape)
            throw Mismatch("k and v must have the same shape [B, Hkv, Tk, D].", inputs);
        if (q[0] != k[0] || q[3] != k[3])
            throw Mismatch("q and k must agree in batch (axis 0) and head size (axis 3).", inputs);
        if (k[1] == 0 || q[1] % k[1] != 0)
            throw Mismatch($"q's {q[1]} heads are no multiple of k's {k[1]}.", inputs);
        if (Causal && q[2] > k[2])
            throw Mismatch($"causal attention needs at least as many keys as queries, not {k[2]} for {q[2]}.", inputs);
        Shape scores = [q[0], q[1], q[2], k[2]];
        if (inputs.Length == 4 && !(Broadcast.TryShape(inputs[3].Shape, scores, out var shared, out _) && shared == scores))
            throw Mismatch($"the mask does not broadcast to the scores, {scores}.", inputs);
        return [new(DType.F32, [q[0], q[2], checked(q[1] * q[3])])];
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        Tensor[] rows = [.. inputs];
        foreach (ref var heads in rows.AsSpan(0, 3))
            heads = RowsOf(heads);
        AttentionKernel.Run(Problem(rows, outputs[0]));
        GC.KeepAlive(rows);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">A gradient of the mask is asked for.</exception>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        if (inputs.Length == 4 && Tape.Differentiates(inputs[3]))
            throw new NotSupportedException(
                "Attention has no gradient to its mask: compute a learned bias with MatMul and Softmax instead.");
        Tensor[] rows = [.. inputs];
        foreach (ref var heads in rows.AsSpan(0, 3))
            heads = RowsOf(heads);
        var problem = Problem(rows, outputs[0]);
        var gradient = RowMajor(outputGradients[0]!);
        Tensor dq = SplitHeads(problem.Tq, problem.H), dk = SplitHeads(problem.Tk, problem.Hkv), dv = SplitHeads(problem.Tk, problem.Hkv);
        AttentionGradientKernel.Run(problem, new((nint)gradient.Pointer<float>(), (nint)dq.Pointer<float>(),
            (nint)dk.Pointer<float>(), (nint)dv.Pointer<float>()));
        GC.KeepAlive(rows);
        GC.KeepAlive(gradient);
        Tensor?[] gradients = [dq.Transpose(1, 2), dk.Transpose(1, 2), dv.Transpose(1, 2)];
        return inputs.Length == 3 ? gradients : [.. gradients, null];

        Tensor SplitHeads(int steps, int heads) => Tensor.Empty([problem.B, steps, heads, problem.D]);
    }

    /// <summary>Where the kernel, or its reference, finds inputs whose last axis has stride 1.</summary>
    internal unsafe AttentionProblem Problem(ReadOnlySpan<Tensor> inputs, Tensor output)
    {
        var (q, k) = (inputs[0].Shape, inputs[1].Shape);
        var mask = inputs.Length == 4 ? inputs[3] : null;
        return new(q[0], q[1], k[1], q[2], k[2], q[3], Causal, Scale)
        {
            Q = Strided(inputs[0]),
            K = Strided(inputs[1]),
            V = Strided(inputs[2]),
            Mask = mask is null ? default : Strided(mask),
            MaskKey = mask is null ? 0 : Stride(mask, 3),
            Output = (nint)output.Pointer<float>(),
        };
    }

    /// <summary>The tensor itself where its last axis has stride 1, else a row-major copy.</summary>
    internal static Tensor RowsOf(Tensor tensor) => tensor.Shape[3] <= 1 || tensor.Strides[3] == 1 ? tensor : RowMajor(tensor);

    /// <summary>Where the rows of a tensor of four axes lie.</summary>
    internal static unsafe Heads Strided(Tensor tensor) =>
        new((nint)tensor.StridedPointer<float>(), Stride(tensor, 0), Stride(tensor, 1), Stride(tensor, 2));

    private static int Stride(Tensor tensor, int axis) => tensor.Shape[axis] == 1 ? 0 : tensor.Strides[axis];
}
