using System.Collections;
using System.Runtime.CompilerServices;

namespace Coppice.Tensors;

/// <summary>The sizes of a tensor's axes, outermost first. Immutable; equal by value.</summary>
/// <remarks>Written as a collection: <c>Shape s = [2, 3];</c>. The empty shape is a scalar.</remarks>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public readonly struct Shape : IEquatable<Shape>, IEnumerable<int>
{
    private readonly int[]? _dims;

    private Shape(int[] dims) => _dims = dims;

    /// <summary>A shape with these axis sizes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is negative.</exception>
    public static Shape Create(ReadOnlySpan<int> dims)
    {
        foreach (var dim in dims)
            ArgumentOutOfRangeException.ThrowIfNegative(dim, nameof(dims));
        return new Shape(dims.ToArray());
    }

    /// <summary>The axis sizes, outermost first.</summary>
    public ReadOnlySpan<int> Dims => _dims;

    /// <summary>Number of axes; 0 for a scalar.</summary>
    public int Rank => Dims.Length;

    /// <summary>Number of elements: the product of the sizes, 1 for a scalar.</summary>
    /// <exception cref="OverflowException">The product exceeds 2^63-1.</exception>
    public long Count
    {
        get
        {
            long count = 1;
            foreach (var dim in Dims)
                count = checked(count * dim);
            return count;
        }
    }

    /// <summary>Number of elements of one index of an axis in each index of the axes before it: the product of the sizes behind the axis, 1
    /// for the innermost. Element i of a row-major tensor has the index <c>i / CountBehind(axis) % Dims[axis]</c> along it.</summary>
    /// <exception cref="OverflowException">The product exceeds 2^63-1.</exception>
    public long CountBehind(int axis)
    {
        long count = 1;
        foreach (var dim in Dims[(axis + 1)..])
            count = checked(count * dim);
        return count;
    }

    /// <summary>Size of one axis; <c>^1</c> is the innermost.</summary>
    public int this[Index axis] => Dims[axis];

    /// <summary>Element strides of a contiguous (row-major) tensor of this shape.</summary>
    public int[] ContiguousStrides()
    {
        var strides = new int[Rank];
        var step = 1;
        for (var axis = Rank - 1; axis >= 0; axis--)
        {
            strides[axis] = step;
            step *= Math.Max(1, Dims[axis]);
        }
        return strides;
    }

    /// <summary>This shape with one axis resized.</summary>
    public Shape With(Index axis, int size)
    {
        var dims = Dims.ToArray();
        dims[axis] = size;
        return Create(dims);
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dims.SequenceEqual(other.Dims);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashOf(Dims);

    /// <summary>Whether two shapes have the same sizes.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Whether two shapes differ.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <summary>Python-like form: <c>[2, 3]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", Dims.ToArray())}]";

    internal static int HashOf(ReadOnlySpan<int> sizes)
    {
        var hash = new HashCode();
        foreach (var size in sizes)
            hash.Add(size);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(_dims ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
