using Coppice.Graphs;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Compensation;

/// <summary>What a smaller model gets, without training, to make up for what went.</summary>
/// <param name="inputs">Changes of weights; null for none.</param>
/// <param name="statistics">Sets of the graph's inputs to take the statistics of batch normalisations on, after that; null to leave them.</param>
public sealed class PreparedCompensation(InputCompensation? inputs, IReadOnlyList<IReadOnlyList<Tensor>>? statistics)
{
    /// <summary>What can be asked for, by name.</summary>
    public static IReadOnlyDictionary<string, CutCompensation> Names { get; } = Words.Of(WordsJson.Default.CutCompensation);

    /// <summary>Changes of weights.</summary>
    public InputCompensation? Inputs => inputs;

    /// <summary>How many batch normalisations got new statistics, once it was carried out.</summary>
    public int Normalizations { get; private set; }

    /// <summary>Refuses what contradicts itself, or what a model has no place for.</summary>
    /// <param name="asked">What is asked for.</param>
    /// <param name="graph">The model's computation; null where it is not known yet.</param>
    /// <exception cref="PruningException">That is so; the message begins with what is asked for.</exception>
    public static void Check(IReadOnlyCollection<CutCompensation> asked, Graph? graph = null)
    {
        if (asked.Contains(CutCompensation.LeastSquares) && asked.Contains(CutCompensation.Bias))
            throw new PruningException("least-squares corrects biases too; leave bias out.");
        if (asked.Contains(CutCompensation.BatchNorm) && graph?.Nodes.Any(node => node.Op is BatchNorm) == false)
            throw new PruningException("batch-norm: the model has no batch normalisation (exporters fold it into convolutions); leave it out.");
    }

    /// <summary>Before surgery: looks at what the consumers of what goes read.</summary>
    /// <param name="asked">What is to be done.</param>
    /// <param name="dependencies">What depends on what.</param>
    /// <param name="removal">What will go.</param>
    /// <param name="inputs">Sets of the graph's inputs to calibrate on; at least one where anything is asked for.</param>
    /// <param name="addsBiases">See <see cref="InputCompensation.Of"/>.</param>
    /// <exception cref="PruningException">What is asked for can't be, or there are no inputs.</exception>
    public static PreparedCompensation Of(IReadOnlyCollection<CutCompensation> asked, DependencyGraph dependencies, Removal removal,
        IReadOnlyList<IReadOnlyList<Tensor>> inputs, bool addsBiases = false)
    {
        Check(asked, dependencies.Graph);
        var method = asked.Contains(CutCompensation.LeastSquares) ? CompensationMethod.LeastSquares
            : asked.Contains(CutCompensation.Bias) ? CompensationMethod.Bias
            : (CompensationMethod?)null;
        return new(method is null ? null : InputCompensation.Of(dependencies, removal, inputs, method.Value, addsBiases: addsBiases),
            asked.Contains(CutCompensation.BatchNorm) ? inputs : null);
    }

    /// <summary>Carries it out on a model whose removal was verified.</summary>
    /// <param name="smaller">Its graph.</param>
    public void CarryOut(Graph smaller)
    {
        inputs?.Apply(smaller);
        if (statistics is not null)
            Normalizations = BatchNormStatistics.Reestimate(smaller, statistics);
    }
}
