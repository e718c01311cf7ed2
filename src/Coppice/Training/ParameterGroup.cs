using Coppice.Modules;

namespace Coppice.Training;

/// <summary>Parameters that an optimizer treats otherwise than the rest.</summary>
/// <param name="Glob">Matches full names such as <c>h.0.ln_1.weight</c>: <c>*</c> any characters, dots included, <c>?</c> one.</param>
/// <param name="LearningRate">In place of the optimizer's; 0 leaves the parameters as they are.</param>
/// <param name="WeightDecay">In place of the optimizer's.</param>
public sealed record ParameterGroup(string Glob, double? LearningRate = null, double? WeightDecay = null)
{
    internal bool Matches(string name) => NameGlob.Matches(Glob, name);
}
