using Coppice.Tensors;

namespace Coppice.Data;

/// <summary>Labelled texts as <see cref="TextBatch"/>es.</summary>
public sealed class TextTrainingData : TrainingData
{
    private readonly IReadOnlyList<int[]> _encodings;
    private readonly IReadOnlyList<int> _labels;
    private readonly int? _length;
    private readonly int _padId;

    /// <summary>Texts to train on.</summary>
    /// <param name="encodings">Token ids of each text, without padding; see <see cref="LabeledText.Encode"/>.</param>
    /// <param name="labels">Class of each text.</param>
    /// <param name="length">Tokens that every row is padded to; null pads to the longest of each batch.</param>
    /// <param name="padId">The padding token. Models that are told the lengths don't see it.</param>
    /// <exception cref="ArgumentException">There is no text, not one label for each, or a text without tokens or longer than
    /// <paramref name="length"/>.</exception>
    public TextTrainingData(IReadOnlyList<int[]> encodings, IReadOnlyList<int> labels, int? length = null, int padId = 0)
    {
        if (encodings.Count == 0 || encodings.Count != labels.Count)
            throw new ArgumentException($"There are {encodings.Count} texts and {labels.Count} labels; give one label for each text.",
                nameof(labels));
        foreach (var (i, ids) in encodings.Index())
            if (ids.Length == 0 || ids.Length > (length ?? int.MaxValue))
                throw new ArgumentException(
                    $"Text {i} has {ids.Length} tokens; it must have at least 1{(length is { } most ? $" and at most {most}" : "")}.",
                        nameof(encodings));
        (_encodings, _labels, _length, _padId) = (encodings, labels, length, padId);
    }

    /// <inheritdoc/>
    public override int Count => _encodings.Count;

    /// <inheritdoc/>
    public override TextBatch Load(ReadOnlySpan<int> examples, EpochSeed? augmentation = null)
    {
        var ids = PaddedIds.Create(examples, _encodings, _length, _padId, out var lengths);
        var targets = Tensor.Empty([examples.Length], DType.I64);
        var classes = targets.AsSpan<long>();
        for (var i = 0; i < examples.Length; i++)
            classes[i] = _labels[examples[i]];
        return new(ids, lengths, targets);
    }
}
