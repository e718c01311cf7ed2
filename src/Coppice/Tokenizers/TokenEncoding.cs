namespace Coppice.Tokenizers;

/// <summary>How <see cref="Tokenizer.Encode(string, EncodingOptions)"/> shapes its result.</summary>
public sealed record EncodingOptions
{
    /// <summary>The most ids to return, special tokens included; null for no limit. Text is cut at its end, special tokens stay.</summary>
    /// <remarks>Of a pair, tokens are taken from the longer text, one at a time (from the second when both are equally long).</remarks>
    public int? MaxLength { get; init; }

    /// <summary>Fills up to <see cref="MaxLength"/> with the padding token, type 0 and mask 0.</summary>
    public bool PadToMaxLength { get; init; }

    /// <summary>Adds the tokenizer's own tokens, such as <c>[CLS] ... [SEP]</c> or <c>&lt;s&gt; ...</c>.</summary>
    public bool AddSpecialTokens { get; init; } = true;
}

/// <summary>A tokenised text or pair of texts: three arrays of equal length.</summary>
/// <param name="Ids">Token ids, padding included.</param>
/// <param name="TypeIds">0 for the first text and its special tokens, 1 for the second: BERT's token_type_ids.</param>
/// <param name="AttentionMask">1 for tokens, 0 for padding.</param>
public sealed record TokenEncoding(int[] Ids, int[] TypeIds, int[] AttentionMask);
