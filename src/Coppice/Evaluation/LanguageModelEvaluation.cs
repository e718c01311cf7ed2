using Coppice.Data;
using Coppice.Models;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Evaluation;

/// <summary>Runs causal language models over the windows of a text.</summary>
public static class LanguageModelEvaluation
{
    /// <summary>Perplexity: exp of the mean negative log-likelihood (nats) of the windows' targets.</summary>
    /// <param name="model">Predicts the next token.</param>
    /// <param name="windows">The text's token ids in windows no longer than the model's context.</param>
    /// <param name="progress">Told the windows done.</param>
    /// <param name="cancellation">Stops between windows.</param>
    public static Perplexity Perplexity(
        ICausalLanguageModel model, TokenWindows windows, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var perplexity = new Perplexity();
        for (var i = 0; i < windows.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            Score(model, windows[i], Forward(model, windows[i]), perplexity);
            progress?.Report(i + 1);
        }
        return perplexity;
    }

    /// <summary>Perplexity of two models, and how far their outputs agree at every position, over the same windows.</summary>
    public static (Perplexity Before, Perplexity After, OutputAgreement Agreement) Compare(ICausalLanguageModel before, ICausalLanguageModel after,
        TokenWindows windows, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var (perplexityBefore, perplexityAfter, agreement) = (new Perplexity(), new Perplexity(), new OutputAgreement());
        for (var i = 0; i < windows.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var (logitsBefore, logitsAfter) = (Forward(before, windows[i]), Forward(after, windows[i]));    // [1, T, V] each
            Score(before, windows[i], logitsBefore, perplexityBefore);
            Score(after, windows[i], logitsAfter, perplexityAfter);
            agreement.AddRows(logitsBefore, logitsAfter);
            progress?.Report(i + 1);
        }
        return (perplexityBefore, perplexityAfter, agreement);
    }

    /// <summary>A window's ids as a batch of one: I64 [1, T].</summary>
    internal static Tensor Ids(TokenWindow window) =>
        Tensor.From<long>([.. window.Ids.ToArray().Select(id => (long)id)], [1, window.Ids.Length]);

    private static Tensor Forward(ICausalLanguageModel model, TokenWindow window) => model.Forward(Ids(window));

    /// <summary>Adds the window's targets; rows are computed on all cores and summed in order.</summary>
    internal static void Score(ICausalLanguageModel model, TokenWindow window, Tensor logits, Perplexity perplexity)
    {
        var losses = new double[window.Targets];
        Workers.For(losses.Length, i =>
        {
            var target = window.FirstTarget + i;
            var row = logits.AsReadOnlySpan<float>().Slice((target - 1) * model.VocabSize, model.VocabSize);
            losses[i] = Logits.NegativeLogLikelihood(row, window.Ids.Span[target]);
        });
        perplexity.Add(losses.Sum(), losses.Length);
    }
}
