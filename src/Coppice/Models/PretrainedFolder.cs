using Coppice.Modules;

namespace Coppice.Models;

/// <summary>What is known of a Hugging Face folder but its weights.</summary>
/// <param name="Path">The folder.</param>
/// <param name="ModelType">The family.</param>
/// <param name="Plan">All that was cut out of its model; null where nothing was.</param>
internal sealed record PretrainedFolder(string Path, string ModelType, StructuralPlan? Plan)
{
    /// <summary>What is known of the family.</summary>
    public ModelArchitecture Architecture => ModelRegistry.Find(ModelType)!;

    /// <summary>The folder that a model was opened from.</summary>
    public static PretrainedFolder Of(PretrainedModel model) => new(model.Folder, model.ModelType, model.Plan);
}
