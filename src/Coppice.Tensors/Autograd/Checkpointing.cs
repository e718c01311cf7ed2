namespace Coppice.Tensors.Autograd;

/// <summary>Activation checkpointing (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016): memory for time.</summary>
public static class Checkpointing
{
    /// <summary>Runs <paramref name="body"/> and keeps nothing it computes on the way; the backward pass runs it again.</summary>
    /// <remarks>
    /// Parameters may be captured and get their gradients; other tensors get one only as inputs. Without a tape, or with one that
    /// <see cref="Tape.DetectsNonFinite">detects what is not finite</see>, the body just runs.
    /// </remarks>
    /// <param name="body">
    /// Must compute the same when called again: random draws, as of dropout, from a generator that it makes itself from a seed.
    /// </param>
    /// <param name="inputs">Handed to the body.</param>
    /// <returns>What the body returned.</returns>
    public static Tensor Run(Func<Tensor[], Tensor> body, params Tensor[] inputs)
    {
        if (Tape.Current is not { DetectsNonFinite: false } tape) // who looks for the op that gave a NaN wants the body's own
            return body(inputs);
        Tensor output;
        using (Tape.Pause())
        using (var scope = new TensorScope())
            output = scope.Keep(body(inputs));
        tape.Record(new Recompute(body), inputs, [output]);
        return output;
    }
}
