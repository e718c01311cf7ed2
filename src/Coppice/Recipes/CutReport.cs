using Coppice.Modules;

namespace Coppice.Recipes;

/// <summary>What a stage cut out of the model. Multiply-accumulates are of one example, at the sizes of the architecture.</summary>
/// <param name="MacsBefore">Multiply-accumulates before the stage.</param>
/// <param name="MacsAfter">And after it.</param>
/// <param name="ParametersBefore">Parameters before the stage.</param>
/// <param name="ParametersAfter">And after it.</param>
public sealed record CutReport(long MacsBefore, long MacsAfter, long ParametersBefore, long ParametersAfter);

/// <summary>A cut that was carried out.</summary>
internal sealed record StageCut(StructuralPlan Plan, CutReport Report);
