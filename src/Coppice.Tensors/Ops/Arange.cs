namespace Coppice.Tensors.Ops;

/// <summary>The whole numbers from <c>Start</c> on, I64 [Count], as torch.arange; reads no tensor.</summary>
/// <param name="Start">The first number.</param>
/// <param name="Count">How many, 0 or more.</param>
public sealed record Arange(int Start, int Count) : Op, ISizedOp
{
    IReadOnlyList<int> ISizedOp.Sizes => [Start, Count];

    /// <inheritdoc/>
    public override string? NoGradient => "it reads no tensor";

    Op ISizedOp.WithSizes(ReadOnlySpan<int> sizes) => new Arange(sizes[0], sizes[1]);

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) => inputs.IsEmpty && Count >= 0
        ? [new(DType.I64, [Count])]
        : throw Mismatch($"no tensor, and a count of 0 or more instead of {Count}, is expected.", inputs);

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var values = outputs[0].AsSpan<long>();
        for (var i = 0; i < values.Length; i++)
            values[i] = (long)Start + i;
    }
}
