namespace Coppice.Evaluation;

/// <summary>Accumulates perplexity: exp of the mean negative log-likelihood per token, in nats. Not thread-safe.</summary>
public sealed class Perplexity
{
    /// <summary>Sum of -log p(token) over all tokens, in nats.</summary>
    public double NllSum { get; private set; }

    /// <summary>Number of tokens scored.</summary>
    public long Tokens { get; private set; }

    /// <summary>exp(<see cref="NllSum"/> / <see cref="Tokens"/>).</summary>
    /// <exception cref="InvalidOperationException">No token was scored.</exception>
    public double Value => Tokens > 0
        ? Math.Exp(NllSum / Tokens)
        : throw new InvalidOperationException("No token was scored; add at least one before asking for the perplexity.");

    /// <summary>Scores one token: adds -log(softmax(logits)[target]), computed in double.</summary>
    /// <param name="logits">[vocabulary]: the logits that predict the token.</param>
    /// <param name="target">The token's id.</param>
    /// <exception cref="ArgumentException">There are no logits, or one is not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="target"/> is not an id of the vocabulary.</exception>
    public void Add(ReadOnlySpan<float> logits, int target)
    {
        Logits.Check(logits, nameof(logits));
        ArgumentOutOfRangeException.ThrowIfNegative(target);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(target, logits.Length);
        NllSum += Logits.NegativeLogLikelihood(logits, target);
        Tokens++;
    }

    /// <summary>Adds what was scored elsewhere, for example by another accumulator on its own thread.</summary>
    /// <param name="nllSum">Sum of -log p(token), finite, in nats.</param>
    /// <param name="tokens">Number of tokens, at least 1.</param>
    /// <exception cref="ArgumentException"><paramref name="nllSum"/> is not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="tokens"/> is less than 1.</exception>
    public void Add(double nllSum, long tokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        if (!double.IsFinite(nllSum))
            throw new ArgumentException(
                $"The negative log-likelihood of {tokens} tokens is {nllSum}; check the model for non-finite weights.", nameof(nllSum));
        NllSum += nllSum;
        Tokens += tokens;
    }
}
