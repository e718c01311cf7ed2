using Coppice.Graphs;
using Coppice.Tensors;

namespace Coppice.Pruning.Compensation;

/// <summary>What a smaller model gets, without training, to make up for what went.</summary>
/// <param name="inputs">Changes of weights; null for none.</param>
/// <param name="statistics">Sets of the graph's inputs to take the statistics of batch normalisations on, after that; null to leave them.</param>
public sealed class PreparedCompensation(InputCompensation? inputs, IReadOnlyList<IReadOnlyList<Tensor>>? statistics)
{
    /// <summary>Changes of weights.</summary>
    public InputCompensation? Inputs => inputs;

    /// <summary>How many batch normalisations got new statistics, once it was carried out.</summary>
    public int Normalizations { get; private set; }

    /// <summary>Carries it out on a model whose removal was verified.</summary>
    /// <param name="smaller">Its graph.</param>
    public void CarryOut(Graph smaller)
    {
        inputs?.Apply(smaller);
        if (statistics is not null)
            Normalizations = BatchNormStatistics.Reestimate(smaller, statistics);
    }
}
