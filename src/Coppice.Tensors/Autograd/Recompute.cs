using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Autograd;

/// <summary>A stretch of ops that is run again when its gradient is asked for.</summary>
internal sealed record Recompute(Func<Tensor[], Tensor> Body) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        throw new InvalidOperationException("What a checkpointed function returns is known only when it runs.");

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) =>
        throw new InvalidOperationException("A checkpointed function makes its own outputs.");

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var gradients = new Tensor?[inputs.Length];
        using (var tape = new Tape())
        {
            for (var i = 0; i < inputs.Length; i++)
                if (Tape.Needs(inputs[i]) && inputs[i].DType == DType.F32)
                    tape.Watch(inputs[i]);
            var output = Body(inputs.ToArray());
            if (output.Shape != outputs[0].Shape)
                throw new OpException($"Checkpointing: the function gave {outputs[0]}, then {output}; it must always compute the same.");
            if (tape.Tracks(output))
            {
                var found = tape.Backward(output, outputGradients[0]!);
                for (var i = 0; i < inputs.Length; i++)
                    gradients[i] = found.GetValueOrDefault(inputs[i]);
            }
        }
        // Freed with the other gradients of the pass, not by the garbage collector.
        foreach (var gradient in gradients)
            if (gradient is not null)
                TensorScope.Current?.Track(gradient.Storage);
        return gradients;
    }
}
