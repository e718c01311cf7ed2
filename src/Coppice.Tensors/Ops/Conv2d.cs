using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>
/// Two-dimensional convolution: x [B, C, H, W], weight [O, C/groups, kh, kw], optional bias [O] -> [B, O, H', W'] with
/// <c>H' = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1</c>, rounded down, and W' likewise, as torch.nn.functional.conv2d.
/// </summary>
/// <remarks>
/// <c>y[b, o, y, x] = bias[o] + sum over c, i, j of weight[o, c, i, j] x[b, c, y stride + i dilation - padding, x stride + j dilation -
/// padding]</c>,
/// zero outside of x. Float32. 3x3 kernels of stride 1 over 16 channels or more are computed by Winograd's F(2x2, 3x3), whose rounding
/// errors are like the direct sum's, but which carries an infinity or NaN into all outputs of its 2x2 tile. From the second use of
/// unchanged contents on, the weight is kept rearranged beside its storage (up to twice as much memory again), which changes no byte of
/// the result.
/// </remarks>
/// <param name="Stride">Input pixels from one output pixel to the next, at least 1.</param>
/// <param name="Padding">Zeros around the input, at least 0.</param>
/// <param name="Dilation">Input pixels from one weight of the kernel to the next, at least 1.</param>
/// <param name="Groups">Parts that channels are cut into; an output sees the input channels of its part alone. C groups: depthwise.</param>
public sealed record Conv2d(int Stride = 1, int Padding = 0, int Dilation = 1, int Groups = 1) : Op, ISizedOp
{
    IReadOnlyList<int> ISizedOp.Sizes => [Groups];

    Op ISizedOp.WithSizes(ReadOnlySpan<int> sizes) => this with { Groups = sizes[0] };

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length is not (2 or 3))
            throw Mismatch("expected an input, a weight and perhaps a bias.", inputs);
        foreach (var input in inputs)
            if (input.DType != DType.F32)
                throw Mismatch("expected F32 tensors; Cast them first.", inputs);
        if (Stride < 1 || Padding < 0 || Dilation < 1 || Groups < 1)
            throw Mismatch($"stride {Stride}, dilation {Dilation} and groups {Groups} must be 1 or more, padding {Padding} 0 or more.",
                inputs);
        var (x, weight) = (inputs[0].Shape, inputs[1].Shape);
        if (x.Rank != 4 || weight.Rank != 4)
            throw Mismatch("expected an input [B, C, H, W] and a weight [O, C/groups, kh, kw].", inputs);
        if (x[1] != (long)weight[1] * Groups || weight[0] % Groups != 0)
            throw Mismatch($"the input has {x[1]} channels; with {Groups} groups the weight takes {(long)weight[1] * Groups}, "
                + "and its outputs must be a multiple of the groups.", inputs);
        if (inputs.Length == 3 && inputs[2].Shape != [weight[0]])
            throw Mismatch($"the bias must be [{weight[0]}], one for each output channel.", inputs);
        var shape = ShapeOf(x, weight);
        if (weight[1] < 1 || weight[2] < 1 || weight[3] < 1 || shape.OutHeight < 1 || shape.OutWidth < 1)
            throw Mismatch("the kernel is empty or does not fit into the padded input.", inputs);
        return [new(DType.F32, [x[0], weight[0], shape.OutHeight, shape.OutWidth])];
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) => Compute(
        inputs[0], inputs[1], inputs.Length == 3 ? inputs[2] : null, null, float.NegativeInfinity, float.PositiveInfinity, outputs[0]);

    /// <summary><c>y = clamp(convolution + bias + addend, minimum, maximum)</c>.</summary>
    internal unsafe void Compute(Tensor input, Tensor weights, Tensor? bias, Tensor? addend, float minimum, float maximum, Tensor output)
    {
        if (output.Count == 0)
            return;
        var (x, weight, b, added) = (RowMajor(input), RowMajor(weights), RowMajorOrNull(bias), RowMajorOrNull(addend));
        var shape = ShapeOf(x.Shape, weight.Shape);
        float* from = x.Pointer<float>(), w = weight.Pointer<float>(), y = output.Pointer<float>();
        var finish = new ConvFinish(b is null ? null : b.Pointer<float>(), y, added is null ? null : added.Pointer<float>(), minimum, maximum);
        if (shape.IsDepthwise)
            DepthwiseConv.Run(shape, from, w, finish, y);
        else
            ConvForward.Run(shape, from, w, ConvWeights.Find(weight, shape), finish, y);
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        GC.KeepAlive(b);
        GC.KeepAlive(added);
    }

    /// <inheritdoc/>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (x, weight, gradient) = (RowMajor(inputs[0]), RowMajor(inputs[1]), RowMajor(outputGradients[0]!));
        var shape = ShapeOf(x.Shape, weight.Shape);
        var isEmpty = gradient.Count == 0;
        Tensor? New(Tensor input) => !Tape.Needs(input) ? null : isEmpty ? Tensor.Zeros(input.Shape) : Tensor.Empty(input.Shape);
        var (dx, dw, db) = (New(inputs[0]), New(inputs[1]), inputs.Length == 3 ? New(inputs[2]) : null);
        if (!isEmpty)
            Differentiate(shape, x.Pointer<float>(), weight.Pointer<float>(), gradient.Pointer<float>(), dx, dw, db);
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        GC.KeepAlive(gradient);
        return inputs.Length == 2 ? [dx, dw] : [dx, dw, db];
    }

    private static unsafe void Differentiate(ConvShape shape, float* x, float* weight, float* dy, Tensor? dx, Tensor? dw, Tensor? db)
    {
        if (dx is not null)
            ConvInputGradient.Run(shape, dy, weight, dx.Pointer<float>());
        if (dw is not null && shape.IsDepthwise)
            DepthwiseConv.WeightGradient(shape, x, dy, dw.Pointer<float>());
        else if (dw is not null)
            ConvWeightGradient.Run(shape, x, dy, dw.Pointer<float>());
        if (db is not null)
            ChannelKernels.Sum(dy, db.Pointer<float>(), new(shape.Batch, shape.Outputs, shape.Pixels));
    }

    private static Tensor? RowMajorOrNull(Tensor? tensor) => tensor is null ? null : RowMajor(tensor);

    private ConvShape ShapeOf(Shape x, Shape weight) =>
        new(x[0], x[1], x[2], x[3], weight[0], weight[2], weight[3], Stride, Padding, Dilation, Groups);
}
