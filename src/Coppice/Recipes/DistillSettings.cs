namespace Coppice.Recipes;

/// <summary>Learning from a teacher (Hinton et al. 2015), see <see cref="Training.Distillation.KnowledgeDistillation"/>.</summary>
/// <param name="Teacher">The recipe's model as it was at the start: <c>original</c>; or the path of another model of the same task.</param>
/// <param name="Architecture">Architecture of a teacher that is an image classifier, where it is not the model's own.</param>
/// <param name="Temperature">What logits are divided by before they are compared.</param>
/// <param name="Alpha">Share of the teacher in the loss; the rest is the task's own.</param>
/// <param name="Hidden">Modules whose outputs are to agree.</param>
/// <param name="Attention">Modules whose attention is to agree: maps of convolutional networks, relations of transformers.</param>
public sealed record DistillSettings(
    string Teacher = DistillSettings.Original,
    string? Architecture = null,
    double Temperature = 4,
    double Alpha = 0.5,
    IReadOnlyList<HiddenSettings>? Hidden = null,
    IReadOnlyList<AttentionSettings>? Attention = null)
{
    /// <summary>The word for the model as it was at the start.</summary>
    public const string Original = "original";
}

/// <summary>Draws the output of a module of the student towards one of the teacher.</summary>
/// <param name="Student">Path of the student's module, such as <c>transformer.h.3</c>.</param>
/// <param name="Teacher">Path of the teacher's; the same where left out.</param>
/// <param name="Weight">What the term is multiplied by in the loss.</param>
/// <param name="Projected">Whether a linear map between their widths is learnt.</param>
public sealed record HiddenSettings(string Student, string? Teacher = null, double Weight = 1, bool Projected = false);

/// <summary>Draws the attention of a module of the student towards one of the teacher.</summary>
/// <param name="Student">Path of the student's module.</param>
/// <param name="Teacher">Path of the teacher's; the same where left out.</param>
/// <param name="Weight">What the term is multiplied by in the loss.</param>
public sealed record AttentionSettings(string Student, string? Teacher = null, double Weight = 1);
