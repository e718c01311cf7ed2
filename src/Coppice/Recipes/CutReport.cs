namespace Coppice.Recipes;

/// <summary>What a stage cut out of the model. Multiply-accumulates are of one example, at the sizes of the architecture.</summary>
/// <param name="MacsBefore">Multiply-accumulates before the stage.</param>
/// <param name="MacsAfter">And after it.</param>
/// <param name="ParametersBefore">Parameters before the stage.</param>
/// <param name="ParametersAfter">And after it.</param>
/// <param name="Layers">Numbers of the layers that went, as they were before the stage; null where parts of layers went.</param>
/// <param name="MillisecondsBefore">Median time of one example before the stage, where it was asked to reach a time.</param>
/// <param name="MillisecondsAfter">And after it, before compensation.</param>
public sealed record CutReport(long MacsBefore, long MacsAfter, long ParametersBefore, long ParametersAfter, string? Layers = null,
    double? MillisecondsBefore = null, double? MillisecondsAfter = null);
