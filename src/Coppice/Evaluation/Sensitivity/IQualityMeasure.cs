using Coppice.Tensors;

namespace Coppice.Evaluation.Sensitivity;

/// <summary>What a model's quality is measured by: batches of input and a figure made of their logits.</summary>
public interface IQualityMeasure
{
    /// <summary>The figure's name: <c>perplexity</c>, <c>accuracy</c>, <c>f1_macro</c>.</summary>
    string Metric { get; }

    /// <summary>How <see cref="Loss"/> counts, for people.</summary>
    string LossMeaning { get; }

    /// <summary>Number of batches; at least 1.</summary>
    int Batches { get; }

    /// <summary>One batch: token ids, I64 [batch, steps], and the additive mask [batch, 1, 1, steps] that hides padding, or null.</summary>
    (Tensor Ids, Tensor? Mask) Input(int batch);

    /// <summary>The figure.</summary>
    /// <param name="logitsOf">Runs the model on a batch; called once for each, in order.</param>
    /// <param name="cancellation">Stops between batches.</param>
    double Measure(Func<int, Tensor> logitsOf, CancellationToken cancellation);

    /// <summary>How much worse a quality is than the unpruned model's; negative where it is better.</summary>
    double Loss(double baseline, double quality);
}
