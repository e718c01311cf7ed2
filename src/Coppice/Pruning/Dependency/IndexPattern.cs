namespace Coppice.Pruning.Dependency;

/// <summary>Indices that count like an odometer: index <c>Start + sum of d[k] x Strides[k]</c>, d[k] below Counts[k], the last digit fastest.</summary>
/// <remarks>Runs, every n-th entry, halves of pairs and channel shuffles are of this kind: whole factors of an axis, reordered or picked from.</remarks>
internal sealed record IndexPattern(int Start, IReadOnlyList<int> Counts, IReadOnlyList<int> Strides)
{
    /// <summary>The pattern of at least one index; null where they follow none.</summary>
    public static IndexPattern? Find(IReadOnlyList<int> indices)
    {
        var (counts, strides) = (new List<int>(), new List<int>());
        int[] starts = [.. indices];
        while (starts.Length > 1)
        {
            var stride = starts[1] - starts[0];
            var count = 2;
            while (count < starts.Length && starts[count] - starts[count - 1] == stride)
                count++;
            if (stride <= 0 || starts.Length % count != 0)
                return null;
            for (var i = 0; i < starts.Length; i++)
                if (starts[i] != starts[i / count * count] + i % count * stride)
                    return null;
            counts.Insert(0, count);
            strides.Insert(0, stride);
            starts = [.. Enumerable.Range(0, starts.Length / count).Select(block => starts[block * count])];
        }
        return new(starts[0], counts, strides);
    }

    /// <summary>The axis made of these indices of another; null where they do not pick from whole factors of it.</summary>
    /// <param name="axis">The other axis.</param>
    /// <param name="why">The op, for the reason where the axis has no such factors.</param>
    public TakenAxis? TakenFrom(Term axis, string why)
    {
        var order = Enumerable.Range(0, Counts.Count).OrderByDescending(digit => Strides[digit]).ToArray();
        var (sizes, places, outer) = (new List<int>(), new int[Counts.Count], axis.Size);
        foreach (var digit in order)
        {
            if (outer % Strides[digit] != 0 || outer == Strides[digit]
                || Start / Strides[digit] % (outer / Strides[digit]) + Counts[digit] > outer / Strides[digit])
                return null;
            places[digit] = sizes.Count;
            sizes.Add(outer / Strides[digit]);
            outer = Strides[digit];
        }
        var factors = AxisAlgebra.Factor(axis, [.. sizes, outer], why);
        Term[] parts = [.. Enumerable.Range(0, Counts.Count).Select(Part)];
        AxisAlgebra.Cut(factors[^1], Around(Start % outer, 1, outer), why);
        return new(Product.Of([.. parts, new Dim(1)]).Resolve(), [.. factors]);

        Term Part(int digit)
        {
            var (size, stride) = (sizes[places[digit]], Strides[digit]);
            return AxisAlgebra.Cut(factors[places[digit]], Around(Start / stride % size, Counts[digit], size), why)[1];
        }
    }

    private static int[] Around(int start, int count, int size) => [start, count, size - start - count];
}

/// <summary>An axis taken from another, and the factors of that one.</summary>
internal sealed record TakenAxis(Term Term, IReadOnlyList<Term> Factors);
