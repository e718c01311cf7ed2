namespace Coppice.Tensors.Ops;

/// <summary>A convolution whose outputs are finished while they are in registers, for evaluation: as <see cref="Conv2d"/>, then
/// <c>y = min(Maximum, max(Minimum, y + addend))</c>; NaN stays NaN.</summary>
/// <remarks>Inputs are x, weight, bias [O], and perhaps an addend of the output's shape. The order of sums is that of the ops apart.</remarks>
/// <param name="Convolution">Stride, padding, dilation and groups.</param>
/// <param name="Minimum">The smallest output: 0 for ReLU, minus infinity for none.</param>
/// <param name="Maximum">The largest output: infinity for none.</param>
public sealed record FusedConv2d(Conv2d Convolution, float Minimum, float Maximum) : Op, ISizedOp
{
    IReadOnlyList<int> ISizedOp.Sizes => ((ISizedOp)Convolution).Sizes;

    Op ISizedOp.WithSizes(ReadOnlySpan<int> sizes) => this with { Convolution = (Conv2d)((ISizedOp)Convolution).WithSizes(sizes) };

    /// <inheritdoc/>
    public override string NoGradient => "it is made for evaluation; differentiate the graph that it was made from";

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length is not (3 or 4))
            throw Mismatch("expected an input, a weight, a bias and perhaps an addend.", inputs);
        if (!(Minimum <= Maximum))
            throw Mismatch($"the smallest output, {Minimum}, must not be above the largest, {Maximum}.", inputs);
        var outputs = Convolution.Infer(inputs[..3]);
        if (inputs.Length == 4 && inputs[3] != outputs[0])
            throw Mismatch($"the addend must be {outputs[0]}, as the output is.", inputs);
        return outputs;
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) => Convolution.Compute(
        inputs[0], inputs[1], inputs[2], inputs.Length == 4 ? inputs[3] : null, Minimum, Maximum, outputs[0]);
}
