using System.Globalization;

namespace Coppice.Pruning;

/// <summary>How much to prune: a fraction in [0, 1], or an absolute number of weights or channels.</summary>
/// <remarks>As in <c>torch.nn.utils.prune</c>, a fraction of n units is <c>fraction * n</c> rounded to the nearest integer, halves to
/// even.</remarks>
public readonly record struct PruneAmount
{
    private readonly double _value;

    private PruneAmount(double value, bool isCount)
    {
        _value = value;
        IsCount = isCount;
    }

    /// <summary>Whether the amount is a number of units rather than a fraction.</summary>
    public bool IsCount { get; }

    /// <summary>A share of the units.</summary>
    /// <exception cref="PruningException">Not in [0, 1].</exception>
    public static PruneAmount Fraction(double fraction) => fraction is >= 0 and <= 1
        ? new(fraction, false)
        : throw new PruningException(
            $"The amount {fraction.ToString(CultureInfo.InvariantCulture)} is not a fraction in [0, 1]; write 0.3 for 30 %.");

    /// <summary>A number of units.</summary>
    /// <exception cref="PruningException">Negative, or more than 2^53.</exception>
    public static PruneAmount Count(long count) => count is >= 0 and <= 1L << 53
        ? new(count, true)
        : throw new PruningException($"The amount {count} is not a number of weights or channels: it must lie between 0 and 2^53.");

    /// <summary>Reads an amount: digits alone are a count, anything with a point or an exponent is a fraction (<c>1</c> is one weight,
    /// <c>1.0</c> is all).</summary>
    /// <exception cref="PruningException">Not a number, or out of range.</exception>
    public static PruneAmount Parse(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count))
            return Count(count);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var fraction)
            ? Fraction(fraction)
            : throw new PruningException($"The amount '{text}' is neither a fraction such as 0.3 nor a count such as 1000.");
    }

    /// <summary>How many of <paramref name="size"/> units that is.</summary>
    /// <param name="size">Number of units.</param>
    /// <param name="of">What the units are, for the message.</param>
    /// <exception cref="PruningException">A count above <paramref name="size"/>.</exception>
    public long Of(long size, string of)
    {
        if (!IsCount)
            return (long)Math.Round(_value * size, MidpointRounding.ToEven);
        return _value <= size
            ? (long)_value
            : throw new PruningException($"The amount {this} is more than the {size} {of}; give a smaller count or a fraction.");
    }

    /// <summary>The form that <see cref="Parse"/> reads.</summary>
    public override string ToString()
    {
        var text = _value.ToString("R", CultureInfo.InvariantCulture);
        return IsCount || text.Contains('.') || text.Contains('E') ? text : text + ".0";
    }

    /// <summary>A fraction, so that <c>0.3</c> can be written for an amount.</summary>
    public static implicit operator PruneAmount(double fraction) => Fraction(fraction);

    /// <summary>A count, so that <c>1000</c> can be written for an amount; the compiler refuses a bool or a string.</summary>
    public static implicit operator PruneAmount(long count) => Count(count);
}
