using Coppice.Pruning.Importance;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Methods;

/// <summary>Prunes the channels of smallest L_n norm, taken over all other axes (Li et al., "Pruning filters for efficient ConvNets",
/// 2017).</summary>
/// <remarks>
/// Norms are accumulated in double precision; <c>torch.nn.utils.prune.ln_structured</c> accumulates in the weight's type, so two norms
/// closer than its rounding
/// may order differently there.
/// </remarks>
/// <param name="Norm">n of the norm (Σ|w|^n)^(1/n): any number, infinity for the largest magnitude, -infinity for the smallest, 0 for the
/// count of non-zeros.</param>
/// <param name="Dim">The axis that channels are counted along; negative from the innermost.</param>
public sealed record ChannelNormPruning(double Norm, int Dim) : ChannelMethod(Dim)
{
    /// <inheritdoc/>
    public override MethodOptions Options => new("ln", MethodOptions.Channel, Norm, Dim);

    /// <inheritdoc/>
    protected override double[][] Score(IReadOnlyList<ChannelTarget> targets, PruneTask task)
    {
        if (double.IsNaN(Norm))
            throw new PruningException("NaN is not a norm; choose a number, inf or -inf.");
        var norms = new double[targets.Count][];
        // One weight is one sequential sum, so that the result does not depend on the number of threads.
        Workers.For(targets.Count, i => norms[i] = ChannelNorms.Compute(targets[i].Weight.Source, targets[i].Axis, Norm));
        return norms;
    }
}
