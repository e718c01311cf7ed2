using System.Collections;
using System.Runtime.CompilerServices;

namespace Coppice.Tensors;

/// <summary>Axes, steps or other whole numbers of an op. Immutable; equal by value.</summary>
/// <remarks>Written as a collection: <c>IntList axes = [0, 2];</c>.</remarks>
[CollectionBuilder(typeof(IntList), nameof(Create))]
public readonly struct IntList : IEquatable<IntList>, IEnumerable<int>
{
    private readonly int[]? _values;

    private IntList(int[] values) => _values = values;

    /// <summary>These numbers.</summary>
    public static IntList Create(ReadOnlySpan<int> values) => new(values.ToArray());

    /// <summary>The numbers.</summary>
    public ReadOnlySpan<int> Values => _values;

    /// <summary>How many there are.</summary>
    public int Count => Values.Length;

    /// <summary>One of the numbers.</summary>
    public int this[Index index] => Values[index];

    /// <inheritdoc/>
    public bool Equals(IntList other) => Values.SequenceEqual(other.Values);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is IntList other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var value in Values)
            hash.Add(value);
        return hash.ToHashCode();
    }

    /// <summary>Whether two lists hold the same numbers.</summary>
    public static bool operator ==(IntList left, IntList right) => left.Equals(right);

    /// <summary>Whether two lists differ.</summary>
    public static bool operator !=(IntList left, IntList right) => !left.Equals(right);

    /// <summary>Python-like form: <c>[0, 2]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", Values.ToArray())}]";

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(_values ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
