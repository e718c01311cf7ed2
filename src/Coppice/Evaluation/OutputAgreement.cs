using Coppice.Tensors;
using Coppice.Tensors.Kernels;

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

    /// <summary>The agreement of some examples' logits, one row each.</summary>
    /// <exception cref="ArgumentException">A row is empty or holds a value that is not finite, or the lengths differ.</exception>
    public static OutputAgreement Of(IReadOnlyList<float[]> before, IReadOnlyList<float[]> after)
    {
        var agreement = new OutputAgreement();
        foreach (var (a, b) in before.Zip(after))
            agreement.Add(a, b);
        return agreement;
    }

    /// <summary>Compares one row of logits.</summary>
    /// <param name="before">[classes]: the logits before.</param>
    /// <param name="after">[classes]: the logits after.</param>
    /// <exception cref="ArgumentException">A row is empty or holds a value that is not finite, or the lengths differ.</exception>
    public void Add(ReadOnlySpan<float> before, ReadOnlySpan<float> after) => Add(Compare(before, after));

    /// <summary>Compares the rows of two tensors of logits [..., classes], on all cores and summed in order.</summary>
    /// <exception cref="ArgumentException">The shapes differ, or a value is not finite.</exception>
    public void AddRows(Tensor before, Tensor after)
    {
        if (before.Shape != after.Shape)
            throw new ArgumentException($"The logits before are {before}, after {after}; compare models with equal outputs.", nameof(after));
        var classes = before.Shape[^1];
        var rows = new Row[before.Count / classes];
        Workers.For(rows.Length, i => rows[i] = Compare(
            before.AsReadOnlySpan<float>().Slice(i * classes, classes), after.AsReadOnlySpan<float>().Slice(i * classes, classes)));
        foreach (var row in rows)
            Add(row);
    }

    private static Row Compare(ReadOnlySpan<float> before, ReadOnlySpan<float> after)
    {
        if (before.Length != after.Length)
            throw new ArgumentException(
                $"There are {before.Length} logits before and {after.Length} after; compare models with equal outputs.", nameof(after));
        Logits.Check(before, nameof(before));
        Logits.Check(after, nameof(after));
        var (kl, difference) = Logits.Compare(before, after);
        return new(kl, difference, Logits.ArgMax(before) == Logits.ArgMax(after));
    }

    private void Add(Row row)
    {
        _klSum += row.Kl;
        _agreeing += row.Agrees ? 1 : 0;
        MaxLogitDifference = Math.Max(MaxLogitDifference, row.Difference);
        Rows++;
    }

    private readonly record struct Row(double Kl, double Difference, bool Agrees);

    private double PerRow(double sum) => Rows > 0
        ? sum / Rows
        : throw new InvalidOperationException("No row was added; compare at least one before asking for the agreement.");
}
