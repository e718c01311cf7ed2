using Coppice.Pruning.Dependency;
using Coppice.Training;

namespace Coppice.Pruning.Callbacks;

/// <summary>Trains with a penalty on the norm of all weights that an index of a group has, wherever they lie, so that whole channels, heads or
/// neurons go towards zero (Yuan and Lin 2006; Wen et al. 2016; over dependency groups Fang et al. 2023).</summary>
/// <remarks>The penalty is <c>lambda x sum over indices of sqrt(n) |w|</c>, with |w| the 2-norm of an index's n entries; its gradient,
/// <c>lambda sqrt(n) w / |w|</c>, is added to that of the loss. Reports show <c>group norm</c>, the mean of |w| / sqrt(n).</remarks>
/// <param name="groups">Of the model that is trained.</param>
/// <param name="penalty">Lambda, at least 0.</param>
public sealed class GroupLasso(IReadOnlyList<PruningGroup> groups, double penalty) : TrainingCallback
{
    private readonly GroupEntries[] _groups = [.. groups.Select(group => new GroupEntries(group))];

    /// <inheritdoc/>
    /// <exception cref="PruningException">The penalty is negative or not finite, or there are no groups.</exception>
    public override void Started(Trainer trainer)
    {
        if (!(penalty >= 0 && double.IsFinite(penalty)) || _groups.Length == 0)
            throw new PruningException($"Group lasso takes at least one group and a penalty of at least 0, not {_groups.Length} and {penalty}.");
    }

    /// <inheritdoc/>
    public override void GradientsReady(Trainer trainer)
    {
        var (sum, count) = (0.0, 0);
        foreach (var group in _groups)
        {
            double[] norms = [.. group.Squares().Select(Math.Sqrt)];
            group.AddToGradients([.. norms.Select(norm => norm == 0 ? 0 : penalty * Math.Sqrt(group.Each) / norm)]);
            sum += norms.Sum() / Math.Sqrt(group.Each);
            count += norms.Length;
        }
        trainer.Show("group norm", sum / count);
    }
}
