using Coppice.Data;
using Coppice.Models;
using Coppice.Tokenizers;

namespace Coppice.Evaluation;

/// <summary>Cuts a text file into the windows a model is measured on.</summary>
public static class TextWindows
{
    private const int LongestDefaultContext = 1024;

    /// <summary>Reads, tokenises and cuts.</summary>
    /// <param name="path">A UTF-8 text file.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="model">Bounds the context.</param>
    /// <param name="context">Tokens in a window; the model's context (at most 1024) where null.</param>
    /// <param name="stride">Tokens from one window's start to the next's; the context where null.</param>
    /// <param name="windows">Keep this many from the start; all where null.</param>
    /// <exception cref="ArgumentException">A number is out of range for the model or the text.</exception>
    public static TokenWindows Read(string path, Tokenizer tokenizer, ICausalLanguageModel model, int? context, int? stride, int? windows)
    {
        var size = context ?? Math.Min(model.MaxPositions, LongestDefaultContext);
        if (size > model.MaxPositions)
            throw new ArgumentException(
                $"A context of {size} tokens is asked for; the model sees {model.MaxPositions}. Give --context {model.MaxPositions} or less.");
        if (stride > size)
            throw new ArgumentException(
                $"A stride of {stride} tokens would leave text out between windows of {size}. Give --stride {size} or less.");
        return new(tokenizer.Encode(TextCorpus.Read(path), addSpecialTokens: false), size, stride ?? size, windows);
    }
}
