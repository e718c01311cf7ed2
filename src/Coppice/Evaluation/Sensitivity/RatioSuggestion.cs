namespace Coppice.Evaluation.Sensitivity;

/// <summary>Per-group ratios for a quality budget, and the quality that all of them together were measured to have.</summary>
/// <param name="Budget">Loss allowed, as the measure counts it.</param>
/// <param name="Ratios">Group name to ratio, in the order of the curves; cut to whole thousandths.</param>
/// <param name="PlannedLoss">Sum of the groups' own losses on the measured curves.</param>
/// <param name="Quality">Measured with all ratios applied together.</param>
/// <param name="Loss">Its loss; at most the budget.</param>
/// <param name="Shrink">What the planned ratios were multiplied by to keep the measured loss within the budget; 1 where they held.</param>
/// <param name="ScopeSparsity">Fraction of zeros in the groups' weights afterwards.</param>
/// <param name="ModelSparsity">Fraction of zeros in the whole model afterwards.</param>
public sealed record RatioSuggestion(
    double Budget, IReadOnlyDictionary<string, double> Ratios, double PlannedLoss, double Quality, double Loss, double Shrink,
    double ScopeSparsity, double ModelSparsity);
