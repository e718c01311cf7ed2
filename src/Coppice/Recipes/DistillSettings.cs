namespace Coppice.Recipes;

/// <summary>Learning from a teacher (Hinton et al. 2015).</summary>
/// <param name="Teacher">The recipe's model as it was at the start: <c>original</c>; or the path of another model of the same kind.</param>
/// <param name="Temperature">What logits are divided by before they are compared.</param>
/// <param name="Alpha">Share of the teacher in the loss; the rest is the task's own.</param>
public sealed record DistillSettings(
    string Teacher = DistillSettings.Original,
    double Temperature = 4,
    double Alpha = 0.7)
{
    /// <summary>The word for the model as it was at the start.</summary>
    public const string Original = "original";
}
