namespace Coppice.Data;

/// <summary>Examples that a model can be trained on, numbered from 0. Safe to load from several threads.</summary>
public abstract class TrainingData
{
    /// <summary>Number of examples; at least 1.</summary>
    public abstract int Count { get; }

    /// <summary>Puts some examples together, in the order given.</summary>
    /// <param name="examples">Numbers of the examples, at least one.</param>
    /// <param name="augmentation">Decides how each example is changed at random, if it is; null leaves all as they are.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such example.</exception>
    public abstract TrainingBatch Load(ReadOnlySpan<int> examples, EpochSeed? augmentation = null);

    /// <summary>A part of the data, without copying it. An example is augmented the same way in the part and in the whole.</summary>
    /// <param name="first">Number of the first example.</param>
    /// <param name="count">Number of examples, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The data has no such part.</exception>
    public TrainingData Slice(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count - first);
        return new DataPart(this, first, count);
    }

    /// <summary>The first examples alone; all where there are no more.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is less than 1.</exception>
    public TrainingData Take(int count) => Slice(0, Math.Min(count, Count));

    /// <summary>Sets the last examples apart for validation.</summary>
    /// <param name="count">How many, at least 1; at least 1 must be left to train on.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is out of its range.</exception>
    public (TrainingData Training, TrainingData HeldOut) HoldOut(int count)
    {
        if (count < 1 || count >= Count)
            throw new ArgumentOutOfRangeException(nameof(count), count,
                $"Of {Count} examples, 1 to {Count - 1} can be held out so that both parts have some.");
        return (Slice(0, Count - count), Slice(Count - count, count));
    }

    /// <summary>Sets the last examples apart for validation.</summary>
    /// <param name="fraction">Which share, above 0 and below 1; rounded to at least 1 example of both parts.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fraction"/> is out of range, or there is only 1 example.</exception>
    public (TrainingData Training, TrainingData HeldOut) HoldOutFraction(double fraction) => fraction is > 0 and < 1
        ? HoldOut(Math.Max(1, Math.Min(Count - 1, (int)Math.Round(Count * fraction))))
        : throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "The share to hold out must be above 0 and below 1.");

    private sealed class DataPart(TrainingData whole, int first, int count) : TrainingData
    {
        public override int Count => count;

        public override TrainingBatch Load(ReadOnlySpan<int> examples, EpochSeed? augmentation)
        {
            var moved = examples.ToArray();
            for (var i = 0; i < moved.Length; i++)
            {
                ArgumentOutOfRangeException.ThrowIfNegative(moved[i], nameof(examples));
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(moved[i], count, nameof(examples));
                moved[i] += first;
            }
            return whole.Load(moved, augmentation);
        }
    }
}
