namespace Coppice.Tokenizers;

/// <summary>Ids of the tokens that play a role rather than spell text; null where the tokenizer has none.</summary>
public sealed record SpecialTokens
{
    /// <summary>Beginning of a sequence.</summary>
    public int? Bos { get; init; }

    /// <summary>End of a sequence; generation stops at it.</summary>
    public int? Eos { get; init; }

    /// <summary>Stands for text the vocabulary cannot spell.</summary>
    public int? Unk { get; init; }

    /// <summary>Fills a sequence up to a fixed length.</summary>
    public int? Pad { get; init; }

    /// <summary>Opens a BERT sequence; its output classifies the whole.</summary>
    public int? Cls { get; init; }

    /// <summary>Closes each BERT sequence.</summary>
    public int? Sep { get; init; }

    /// <summary>Stands for a token to be guessed.</summary>
    public int? Mask { get; init; }
}
