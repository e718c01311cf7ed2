namespace Coppice.Evaluation;

/// <summary>Accumulates how far a model's outputs after a change agree with those before. Not thread-safe.</summary>
public sealed class OutputAgreement
{
    private long _agreeing;
    private double _klSum;

    /// <summary>Number of rows compared.</summary>
    public long Rows { get; private set; }

    /// <summary>Fraction of rows whose largest logit is at the same position (the first of equals).</summary>
    /// <exception cref="InvalidOperationException">No row was added.</exception>
    public double Top1Agreement => PerRow(_agreeing);

    /// <summary>Mean over rows of KL(softmax(before) || softmax(after)) = sum p log(p / q), in nats, computed in double.</summary>
    /// <exception cref="InvalidOperationException">No row was added.</exception>
    public double MeanKl => PerRow(_klSum);

    /// <summary>Largest |after - before| of any logit; 0 before the first row.</summary>
    public double MaxLogitDifference { get; private set; }

    /// <summary>Compares one row of logits.</summary>
    /// <param name="before">[classes]: the logits before.</param>
    /// <param name="after">[classes]: the logits after.</param>
    /// <exception cref="ArgumentException">A row is empty or holds a value that is not finite, or the lengths differ.</exception>
    public void Add(ReadOnlySpan<float> before, ReadOnlySpan<float> after)
    {
        if (before.Length != after.Length)
            throw new ArgumentException(
                $"There are {before.Length} logits before and {after.Length} after; compare models with equal outputs.", nameof(after));
        Logits.Check(before, nameof(before));
        Logits.Check(after, nameof(after));
        var (kl, difference) = Logits.Compare(before, after);
        _klSum += kl;
        _agreeing += Logits.ArgMax(before) == Logits.ArgMax(after) ? 1 : 0;
        MaxLogitDifference = Math.Max(MaxLogitDifference, difference);
        Rows++;
    }

    private double PerRow(double sum) => Rows > 0
        ? sum / Rows
        : throw new InvalidOperationException("No row was added; compare at least one before asking for the agreement.");
}
