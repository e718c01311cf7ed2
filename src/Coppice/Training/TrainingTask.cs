using Coppice.Data;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Training;

/// <summary>What is learnt: a module, and how its logits for a batch are computed.</summary>
/// <param name="Module">Whose parameters are trained.</param>
/// <param name="Forward">The logits F32 [N, classes] of a batch, one row for each of its <see cref="TrainingBatch.Targets"/>.</param>
public sealed record TrainingTask(Module Module, Func<TrainingBatch, Tensor> Forward)
{
    /// <summary>The task of a model: to classify images or texts, or to predict the next token.</summary>
    /// <exception cref="ArgumentException">The model does neither; give a <see cref="Forward"/> of your own.</exception>
    public static TrainingTask Of(Module model) => new(model, model switch
    {
        ImageClassifier classifier => batch => classifier.Forward(As<ImageBatch>(batch, model).Images),
        ITextClassifier classifier => batch =>
        {
            var text = As<TextBatch>(batch, model);
            return classifier.Forward(text.Ids, text.Lengths);
        },
        ICausalLanguageModel language => batch =>
        {
            var logits = language.Forward(As<TokenBatch>(batch, model).Ids);    // [B, T, V]
            return logits.Reshape(-1, logits.Shape[2]);                         // [B T, V]
        },
        _ => throw new ArgumentException(
            $"{model.GetType().Name} classifies neither images nor texts and predicts no tokens; say how it is run: new TrainingTask(module, forward).",
            nameof(model)),
    });

    private static T As<T>(TrainingBatch batch, Module model) where T : TrainingBatch => batch as T
        ?? throw new ArgumentException($"{model.GetType().Name} learns from {typeof(T).Name}, not from {batch.GetType().Name}.", nameof(batch));
}
