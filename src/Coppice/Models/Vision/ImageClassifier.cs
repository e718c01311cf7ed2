using Coppice.Modules;

namespace Coppice.Models.Vision;

/// <summary>A model that sorts images [B, channels, H, W], normalised as it was trained, into classes: logits [B, classes].</summary>
public abstract class ImageClassifier : Layer
{
    /// <summary>Number of classes.</summary>
    public abstract int Labels { get; }
}
