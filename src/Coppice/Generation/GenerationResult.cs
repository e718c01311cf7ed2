namespace Coppice.Generation;

/// <summary>Why a continuation ended.</summary>
public enum FinishReason
{
    /// <summary>The token limit or the model's context was reached.</summary>
    Length,
    /// <summary>The model produced its end-of-text token.</summary>
    EndOfText,
    /// <summary>A stop text appeared.</summary>
    Stop,
}

/// <summary>Times of one call, shared by all rows of a batch.</summary>
/// <param name="Prefill">Reading the prompts, up to the first new token's logits.</param>
/// <param name="Decode">Every further step.</param>
/// <param name="DecodeSteps">Number of further steps.</param>
public sealed record GenerationTimings(TimeSpan Prefill, TimeSpan Decode, int DecodeSteps)
{
    /// <summary>Further tokens a second for each row; 0 where there were none.</summary>
    public double DecodeTokensPerSecond => DecodeSteps == 0 ? 0 : DecodeSteps / Decode.TotalSeconds;
}

/// <summary>A prompt and its continuation.</summary>
/// <param name="Prompt">The prompt as given.</param>
/// <param name="Text">The continuation alone.</param>
/// <param name="PromptIds">The prompt's token ids.</param>
/// <param name="Ids">The continuation's token ids.</param>
/// <param name="FinishReason">Why it ended.</param>
/// <param name="Timings">Times of the call that made it.</param>
public sealed record GenerationResult(
    string Prompt, string Text, IReadOnlyList<int> PromptIds, IReadOnlyList<int> Ids, FinishReason FinishReason, GenerationTimings Timings);
