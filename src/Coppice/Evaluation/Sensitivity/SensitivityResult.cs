namespace Coppice.Evaluation.Sensitivity;

/// <summary>What a study measured.</summary>
/// <param name="Metric">The measure's figure.</param>
/// <param name="LossMeaning">How losses count, for people.</param>
/// <param name="Baseline">Quality of the unpruned model.</param>
/// <param name="Curves">One per group, in the order given.</param>
public sealed record SensitivityResult(string Metric, string LossMeaning, double Baseline, IReadOnlyList<SensitivityCurve> Curves);
