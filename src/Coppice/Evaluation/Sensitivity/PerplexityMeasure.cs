using Coppice.Data;
using Coppice.Models;
using Coppice.Tensors;

namespace Coppice.Evaluation.Sensitivity;

/// <summary>Perplexity on the windows of a text. The loss is its relative increase: pruned / unpruned - 1.</summary>
public sealed class PerplexityMeasure(ICausalLanguageModel model, TokenWindows windows) : IQualityMeasure
{
    /// <inheritdoc/>
    public string Metric => "perplexity";

    /// <inheritdoc/>
    public string LossMeaning => "relative increase of perplexity";

    /// <inheritdoc/>
    public int Batches => windows.Count;

    /// <inheritdoc/>
    public (Tensor Ids, Tensor? Mask) Input(int batch) => (LanguageModelEvaluation.Ids(windows[batch]), null);

    /// <inheritdoc/>
    public double Measure(Func<int, Tensor> logitsOf, CancellationToken cancellation)
    {
        var perplexity = new Perplexity();
        for (var i = 0; i < windows.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            LanguageModelEvaluation.Score(model, windows[i], logitsOf(i), perplexity);
        }
        return perplexity.Value;
    }

    /// <inheritdoc/>
    public double Loss(double baseline, double quality) => quality / baseline - 1;
}
