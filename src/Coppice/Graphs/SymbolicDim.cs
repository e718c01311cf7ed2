using System.Numerics;

namespace Coppice.Graphs;

/// <summary>The size of an axis, or a position along one, as it follows from the sizes of a graph's inputs.</summary>
/// <remarks>
/// <c>Multiplier * product of Symbols / Divisor + Offset</c>: a number such as 64, or <c>batch</c>, <c>steps - 1</c>, <c>3*batch*steps</c>,
/// <c>height/16</c>. Immutable; equal by what it says.
/// </remarks>
public sealed class SymbolicDim : IEquatable<SymbolicDim>
{
    private readonly long _multiplier;
    private readonly long _divisor;
    private readonly long _offset;
    private readonly string[] _symbols;

    private SymbolicDim(long multiplier, string[] symbols, long divisor, long offset)
    {
        var common = (long)BigInteger.GreatestCommonDivisor(multiplier, divisor);
        (_multiplier, _symbols, _divisor, _offset) = (multiplier / common, symbols, divisor / common, offset);
    }

    /// <summary>A size that follows from those of the inputs in a way this class has no words for.</summary>
    public static SymbolicDim Unknown { get; } = new(1, ["?"], 1, 0);

    /// <summary>The sizes of the inputs that it follows from, by name; none for a number.</summary>
    public IReadOnlyList<string> Symbols => _symbols;

    /// <summary>The number, or null where it is not always the same.</summary>
    public int? Constant => _symbols.Length == 0 ? (int)_offset : null;

    /// <summary>Its numbers, for those who compute it elsewhere: <c>Multiplier * product of Symbols / Divisor + Offset</c>.</summary>
    internal (long Multiplier, long Divisor, long Offset) Numbers => (_multiplier, _divisor, _offset);

    /// <summary>Whether it is the size of an input's axis itself, or a number.</summary>
    internal bool IsPlain => Constant is not null || (_symbols.Length == 1 && _multiplier == 1 && _divisor == 1 && _offset == 0);

    /// <summary>The size of an input's axis, by the name the graph gives it.</summary>
    public static SymbolicDim Symbol(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return new(1, [name], 1, 0);
    }

    /// <summary>The same size always.</summary>
    public static SymbolicDim FromInt32(int size) => new(0, [], 1, size);

    /// <summary>The same size always.</summary>
    public static implicit operator SymbolicDim(int size) => FromInt32(size);

    /// <summary>Its value where the inputs' axes have these sizes.</summary>
    /// <exception cref="GraphException">It is unknown, a symbol has no size, or the result is no whole 32-bit number.</exception>
    public int Evaluate(IReadOnlyDictionary<string, int> sizes) => TryEvaluate(sizes)
        ?? throw new GraphException($"'{this}' has no whole value where {string.Join(", ", sizes.Select(size => $"{size.Key} = {size.Value}"))}.");

    /// <summary>The same of an axis of which <paramref name="left"/> of every <paramref name="whole"/> indices are left.</summary>
    internal SymbolicDim Scale(int left, int whole) => left == whole ? this
        : _symbols.Length == 0 ? FromInt32(left)
        : new(checked(_multiplier * left), _symbols, checked(_divisor * whole), _offset);

    /// <summary>The dim that has all of these values; null where none has.</summary>
    /// <param name="samples">Sizes of the symbols under which each value was seen, as <see cref="SampleSizes"/> makes them.</param>
    /// <param name="values">As many values.</param>
    internal static SymbolicDim? Fit(SampleSizes samples, ReadOnlySpan<int> values)
    {
        var symbols = new List<string>();
        var (scale, rise) = (1L, 0L);
        for (var i = 0; i < samples.Symbols.Count; i++)
            if (values[i + 1] != values[0])
            {
                symbols.Add(samples.Symbols[i]);
                scale *= samples[0][samples.Symbols[i]];
                rise = (long)values[i + 1] - values[0];
            }
        var dim = symbols.Count switch
        {
            0 => values[0],
            1 => new(rise, [.. symbols], scale, values[0] - rise), // twice the symbol made it rise by this much
            _ => new SymbolicDim(values[0], [.. symbols], scale, 0),
        };
        // floor((32 - 3) / 3) + 1 is 11/32 of 32, less 1, but only by chance.
        if (dim is { _offset: not 0, _divisor: not 1, _multiplier: not (1 or -1) })
            return null;
        for (var i = 0; i < values.Length; i++)
            if (dim.TryEvaluate(samples[i]) != values[i])
                return null;
        return dim;
    }

    /// <inheritdoc/>
    public bool Equals(SymbolicDim? other) => other is not null && ToString() == other.ToString();

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SymbolicDim);

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    /// <summary>Form for people: <c>64</c>, <c>steps - 1</c>, <c>3*batch*steps</c>, or <c>?</c>.</summary>
    public override string ToString()
    {
        if (_symbols.Length == 0)
            return $"{_offset}";
        var product = (_multiplier == 1 ? "" : $"{_multiplier}*") + string.Join('*', _symbols) + (_divisor == 1 ? "" : $"/{_divisor}");
        return _offset == 0 ? product : $"{product} {(_offset < 0 ? '-' : '+')} {Math.Abs(_offset)}";
    }

    private int? TryEvaluate(IReadOnlyDictionary<string, int> sizes)
    {
        Int128 product = _multiplier;
        foreach (var symbol in _symbols)
        {
            if (!sizes.TryGetValue(symbol, out var size))
                return null;
            product *= size;
        }
        var value = product / _divisor + _offset;
        return product % _divisor == 0 && value >= int.MinValue && value <= int.MaxValue ? (int)value : null;
    }
}
