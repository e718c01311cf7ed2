using Coppice.Modules;

namespace Coppice.Evaluation.Sensitivity;

/// <summary>Weights that are pruned together, each to the same ratio.</summary>
/// <param name="Name">A glob over the checkpoint's names that picks these weights out of the default scope.</param>
/// <param name="Weights">The weights by their names in the checkpoint; at least one.</param>
public sealed record WeightGroup(string Name, IReadOnlyDictionary<string, Parameter> Weights)
{
    /// <summary>Elements of all weights.</summary>
    public long Elements => Weights.Values.Sum(weight => weight.Data.Count);
}
