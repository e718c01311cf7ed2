using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Pruning.Callbacks;

/// <summary>Drives the weights of what is to go towards zero by an L2 penalty that grows as training goes on, so that cutting it out at the end
/// costs little (Wang et al. 2021, GReg-1).</summary>
/// <remarks>At step t the penalty's factor is <c>min(most, growth x (1 + floor(t / every)))</c>; factor times weight is added to the gradient of each
/// entry of a removed index. What is removed is chosen once, before the first step, and kept by <see cref="State"/>.</remarks>
/// <param name="dependencies">Of the model that is trained.</param>
/// <param name="choose">Chooses what is to go, at the start.</param>
public sealed class GrowingRegularization(DependencyGraph dependencies, Func<Removal> choose) : TrainingCallback
{
    private readonly GroupEntries[] _groups = [.. dependencies.Groups.Select(group => new GroupEntries(group))];
    private double[][]? _chosen; // 1 for each index that goes

    /// <summary>What the factor grows by; the paper's 1e-4.</summary>
    public double Growth { get; init; } = 1e-4;

    /// <summary>Steps from one growth to the next.</summary>
    public long Every { get; init; } = 10;

    /// <summary>Largest factor.</summary>
    public double Most { get; init; } = 1;

    /// <summary>What goes, to be cut out once trained.</summary>
    /// <exception cref="InvalidOperationException">Training has not started.</exception>
    public Removal Removal
    {
        get
        {
            var chosen = _chosen ?? throw new InvalidOperationException("What is to go is chosen when training starts.");
            var removal = new Removal(dependencies);
            foreach (var (group, marks) in dependencies.Groups.Zip(chosen))
                removal.Remove(group, marks.Index().Where(mark => mark.Item > 0).Select(mark => mark.Index));
            return removal;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="PruningException">A number is out of range.</exception>
    public override void Started(Trainer trainer)
    {
        if (!(Growth >= 0 && Most >= 0 && double.IsFinite(Growth) && double.IsFinite(Most)) || Every < 1)
            throw new PruningException($"Growing regularisation takes a growth and a largest factor of at least 0 and 1 or more steps, not {Growth}, "
                + $"{Most} and {Every}.");
        _chosen ??= Marks(choose());
    }

    /// <inheritdoc/>
    public override void GradientsReady(Trainer trainer)
    {
        var factor = Math.Min(Most, Growth * (1 + trainer.Step / Every));
        foreach (var (group, marks) in _groups.Zip(_chosen!))
            if (marks.Sum() > 0)
                group.AddToGradients([.. marks.Select(mark => factor * mark)]);
        trainer.Show("growing penalty", factor);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() => (_chosen ?? [])
        .Select((marks, group) => ($"removed.{group}", Tensor.From<float>([.. marks.Select(mark => (float)mark)], [marks.Length])));

    /// <inheritdoc/>
    public override void LoadState(IReadOnlyDictionary<string, Tensor> state) =>
        _chosen = [.. dependencies.Groups.Select((_, group) => Array.ConvertAll(state[$"removed.{group}"].ToArray<float>(), mark => (double)mark))];

    private double[][] Marks(Removal removal) => [.. dependencies.Groups.Select(group =>
    {
        var marks = Enumerable.Repeat(1.0, group.Size).ToArray();
        foreach (var kept in removal.KeptOf(group))
            marks[kept] = 0;
        return marks;
    })];
}
