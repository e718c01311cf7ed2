using Coppice.Graphs;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Evaluation;

/// <summary>Measures, on this machine, how long a model takes without what a removal takes from it, beside itself as it is.</summary>
/// <param name="dependencies">Of the model, which stays as it is.</param>
/// <param name="inputs">The graph's inputs, in its order.</param>
/// <param name="rounds">Runs of each a measurement, in turns; the median counts.</param>
public sealed class PrunedLatency(DependencyGraph dependencies, IReadOnlyList<Tensor> inputs, int rounds = 15)
{
    // Two decimals of a ratio: times of smaller steps are not told apart.
    private const int Halvings = 7;

    private readonly Dictionary<string, InterleavedTimes> _measured = [];

    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Times of the model as it is (A) and of the smaller one (B); one removal is measured once.</summary>
    public InterleavedTimes Of(Removal removal)
    {
        var key = string.Join(' ', dependencies.Groups.Select(group => removal.KeptOf(group).Length));
        if (!_measured.TryGetValue(key, out var times))
            _measured[key] = times = Measure(removal);
        return times;
    }

    /// <summary>A budget of milliseconds, the median of <see cref="Of"/>.</summary>
    /// <param name="milliseconds">The most.</param>
    public GroupBudget Within(double milliseconds) => new(milliseconds, "ms", removal => Of(removal).B.P50) { Halvings = Halvings };

    /// <summary>Refuses a removal that makes the model no faster.</summary>
    /// <exception cref="VerificationException">Its median is not below that of the model as it is.</exception>
    public void RefuseSlower(Removal removal)
    {
        if (Of(removal) is { Speedup: <= 1 } times)
            throw new VerificationException($"The smaller model takes {times.B.P50:F2} ms, the model as it is {times.A.P50:F2} ms (medians of "
                + $"{rounds} runs in turns): it would be no faster, and nothing was changed. Remove more, or give sizes that kernels like "
                + "(--round-to 8 or 16).");
    }

    private InterleavedTimes Measure(Removal removal)
    {
        using var paused = Tape.Pause();
        var (dense, pruned) = (new GraphModule(dependencies.Graph), new GraphModule(PruningSurgeon.Trial(dependencies, removal)));
        return Interleaved.Measure(() => Run(dense), () => Run(pruned), rounds, Clock);
    }

    private void Run(GraphModule module)
    {
        using var scope = new TensorScope();
        module.Forward(inputs);
    }
}
