using System.Numerics.Tensors;
using Coppice.Tensors;
using Coppice.Tokenizers;
using Tensor = Coppice.Tensors.Tensor;

namespace Coppice.Data;

/// <summary>A text cut into windows of equal length, as <see cref="TokenBatch"/>es; what is left at the end is dropped.</summary>
public sealed class TokenTrainingData : TrainingData
{
    // Enough to keep all cores busy, few enough to hold in memory.
    private const int DocumentsAtOnce = 256;

    private readonly ReadOnlyMemory<int> _ids;

    /// <summary>Cuts token ids into windows: window k sees ids k * length to (k+1) * length - 1, and each one's successor is its
    /// target.</summary>
    /// <param name="ids">Token ids of the text, at least one window and one more.</param>
    /// <param name="length">Ids of a window, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is less than 1.</exception>
    /// <exception cref="ArgumentException">There are fewer ids than a window has.</exception>
    public TokenTrainingData(ReadOnlyMemory<int> ids, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        if (ids.Length <= length)
            throw new ArgumentException(
                $"The text has {ids.Length} tokens; one window of {length} and the next token are needed: give more.", nameof(ids));
        (_ids, Length) = (ids, length);
    }

    /// <summary>Ids of a window.</summary>
    public int Length { get; }

    /// <inheritdoc/>
    public override int Count => (_ids.Length - 1) / Length;

    /// <summary>Tokenises documents, ends each with the tokenizer's end-of-text token, and cuts the whole into windows.</summary>
    /// <remarks>Documents are read as they are tokenised and not kept; take fewer of them to train on less. A window may hold the end of
    /// one document and the beginning of the next, as is usual in pretraining.</remarks>
    /// <param name="documents">Texts, as from <see cref="TextDocuments.Read"/>.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="length">Ids of a window, at least 1.</param>
    /// <exception cref="ArgumentException">The tokenizer has no end-of-text token, or there is less text than a window, or more than fits
    /// in memory.</exception>
    public static TokenTrainingData Pack(IEnumerable<string> documents, Tokenizer tokenizer, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        var end = tokenizer.Special.Eos ?? throw new ArgumentException(
            "The tokenizer has no end-of-text token to put between documents. Name one as eos_token in tokenizer_config.json.",
            nameof(tokenizer));
        var ids = new List<int>();
        foreach (var texts in documents.Chunk(DocumentsAtOnce))
        {
            var encodings = new int[texts.Length][];
            Parallel.For(0, texts.Length, i => encodings[i] = tokenizer.Encode(texts[i], addSpecialTokens: false));
            if (ids.Count + encodings.Sum(encoding => encoding.Length + 1L) > Array.MaxLength)
                throw new ArgumentException($"The documents have more than {Array.MaxLength} tokens; take fewer.", nameof(documents));
            foreach (var encoding in encodings)
                ids.AddRange([.. encoding, end]);
        }
        return new(ids.ToArray(), length);
    }

    /// <inheritdoc/>
    public override TokenBatch Load(ReadOnlySpan<int> examples, EpochSeed? augmentation = null)
    {
        var ids = Tensor.Empty([examples.Length, Length], DType.I64);
        var targets = Tensor.Empty([examples.Length * Length], DType.I64);
        var seen = ids.AsSpan<long>();
        var next = targets.AsSpan<long>();
        for (var row = 0; row < examples.Length; row++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(examples[row], nameof(examples));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(examples[row], Count, nameof(examples));
            var window = _ids.Span.Slice(examples[row] * Length, Length + 1);
            TensorPrimitives.ConvertChecked(window[..^1], seen.Slice(row * Length, Length));
            TensorPrimitives.ConvertChecked(window[1..], next.Slice(row * Length, Length));
        }
        return new(ids, targets);
    }
}
