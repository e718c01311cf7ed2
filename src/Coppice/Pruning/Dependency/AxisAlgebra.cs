namespace Coppice.Pruning.Dependency;

/// <summary>Makes terms equal, refining leaves where structure meets a leaf: unification, as in a type checker.</summary>
/// <remarks>
/// An equation that can't hold without giving up an axis's structure pins the leaves of both sides, and only those, with the reason.
/// A pinned leaf pins what it is bound to.
/// </remarks>
internal static class AxisAlgebra
{
    /// <summary>States that two axes shrink together.</summary>
    /// <param name="left">One axis.</param>
    /// <param name="right">The other, of the same size.</param>
    /// <param name="why">The op that states it, for the reason of a failed equation.</param>
    public static void Equate(Term left, Term right, string why)
    {
        (left, right) = (left.Resolve(), right.Resolve());
        if (left.Size != right.Size)
            throw new PruningException($"{why}: axes of {left.Size} and {right.Size} can't be one.");
        if (!TryUnify(left, right))
        {
            var reason = $"{why}: {left} and {right} do not fit together";
            Pin(left, reason);
            Pin(right, reason);
        }
    }

    /// <summary>Forbids removing any index.</summary>
    public static void Pin(Term term, string reason)
    {
        foreach (var leaf in term.Resolve().Leaves())
            leaf.Pinned ??= reason;
    }

    /// <summary>Notes that the axis is normalised over: outputs change beyond the removed entries when it shrinks.</summary>
    public static void Normalize(Term term, string by)
    {
        foreach (var leaf in term.Resolve().Leaves())
            leaf.Normalized ??= by;
    }

    /// <summary>The parts of an axis between given boundaries.</summary>
    /// <param name="term">The axis.</param>
    /// <param name="sizes">Sizes of the parts, in order; their sum is the axis's size.</param>
    /// <param name="why">The op, for the reason where a cut falls inside a block.</param>
    /// <param name="takeApart">Whether such a block is taken apart to units instead of being pinned.</param>
    public static IReadOnlyList<Term> Cut(Term term, IReadOnlyList<int> sizes, string why, bool takeApart = false)
    {
        int[] real = [.. sizes.Where(size => size > 0)];
        if (TryCut(term, real, takeApart) is { } parts)
        {
            var left = new Queue<Term>(parts);
            return [.. sizes.Select(size => size > 0 ? left.Dequeue() : Unit(0))];
        }
        var reason = $"{why}: {term.Resolve()} can't be cut into {string.Join(" | ", real)} without cutting through a block";
        Pin(term, reason);
        return [.. sizes.Select(size => Pinned(size, reason))];
    }

    /// <summary>The factors of an axis that is split into several.</summary>
    /// <inheritdoc cref="Cut"/>
    public static IReadOnlyList<Term> Factor(Term term, IReadOnlyList<int> sizes, string why)
    {
        Dim[] factors = [.. sizes.Select(size => size == 1 ? Unit() : new Dim(size))];
        if (TryUnify(term, Product.Of(factors)))
            return [.. factors.Select(factor => factor.Resolve())];
        var reason = $"{why}: {term.Resolve()} can't be split into {string.Join(" x ", sizes)}";
        Pin(term, reason);
        return [.. sizes.Select(size => Pinned(size, reason))];
    }

    /// <summary>The axis made of some indices of another, in any order: it is cut into runs that stay together.</summary>
    /// <inheritdoc cref="Cut"/>
    public static Term Gather(Term term, IReadOnlyList<int> indices, string why)
    {
        var cuts = new SortedSet<int> { 0, term.Size };
        for (var i = 0; i < indices.Count; i++)
        {
            if (i == 0 || indices[i] != indices[i - 1] + 1)
                cuts.Add(indices[i]);
            if (i == indices.Count - 1 || indices[i + 1] != indices[i] + 1)
                cuts.Add(indices[i] + 1);
        }
        var starts = cuts.ToArray();
        var parts = Cut(term, [.. starts.Zip(starts.Skip(1), (from, to) => to - from)], why);
        var byStart = parts.Select((part, i) => (starts[i], part)).ToDictionary();
        var taken = new List<Term>();
        for (var i = 0; i < indices.Count; i += taken[^1].Size)
            taken.Add(byStart[indices[i]]);
        return Sum.Of(taken).Resolve();
    }

    /// <summary>The axis made of some indices of another, which is taken apart to units, so that each can go by itself.</summary>
    /// <inheritdoc cref="Cut"/>
    public static Term Pick(Term term, IReadOnlyList<int> indices, string why)
    {
        foreach (var leaf in term.Resolve().Leaves().Distinct().Where(leaf => leaf is { Size: > 1, Pinned: null }).ToList())
            leaf.TakeApart();
        var units = Cut(term, [.. Enumerable.Repeat(1, term.Size)], why, takeApart: true);
        return Sum.Of([.. indices.Select(index => units[index])]).Resolve();
    }

    /// <summary>A leaf that can't be pruned.</summary>
    public static Dim Pinned(int size, string reason) => new(size) { Pinned = reason };

    private static bool TryUnify(Term left, Term right)
    {
        (left, right) = (left.Resolve(), right.Resolve());
        if (ReferenceEquals(left, right))
            return true;
        if (left.Size != right.Size)
            return false;
        return (left, right) switch
        {
            (Dim leaf, _) => TryBind(leaf, right),
            (_, Dim leaf) => TryBind(leaf, left),
            (Sum one, Sum other) => TryAlign(one, other),
            _ when HasUnits(left) || HasUnits(right) => TryUnifyBesidesUnits(left, right),
            (Product product, _) => TryPeel(product, right),
            (_, Product product) => TryPeel(product, left),
            _ => false,
        };
    }

    private static bool TryBind(Dim leaf, Term term)
    {
        if (term.Leaves().Contains(leaf))
            return false;
        leaf.Binding = term;
        foreach (var inner in term.Leaves())
        {
            inner.Pinned ??= leaf.Pinned;
            inner.Normalized ??= leaf.Normalized;
        }
        return true;
    }

    private static bool HasUnits(Term term) => term is Product product && product.Factors.Any(IsUnit);

    private static bool IsUnit(Term factor) => factor is Dim { Whole: not null };

    /// <summary>Units are paired, the rest is made equal; units that have no partner can't go.</summary>
    private static bool TryUnifyBesidesUnits(Term left, Term right)
    {
        var (one, other) = (FactorsOf(left), FactorsOf(right));
        Term[] units = [.. one.Where(IsUnit)], others = [.. other.Where(IsUnit)];
        if (units.Length != others.Length)
            foreach (var unit in units.Concat(others))
                Pin(unit, "an index of a block that was cut, and of a whole one");
        else if (!units.Zip(others).All(pair => TryUnify(pair.First, pair.Second)))
            return false;
        return TryUnify(Rest(one), Rest(other));

        static IReadOnlyList<Term> FactorsOf(Term term) => term is Product product ? product.Factors : [term];

        static Term Rest(IReadOnlyList<Term> factors) => Product.Of([.. factors.Where(factor => !IsUnit(factor)).DefaultIfEmpty(Unit())]);
    }

    /// <summary>Two sums: both are cut wherever one is.</summary>
    private static bool TryAlign(Sum one, Sum other)
    {
        var ends = Ends(one).Union(Ends(other)).Order().ToArray();
        int[] sizes = [.. ends.Select((end, i) => i == 0 ? end : end - ends[i - 1])];
        if (TryCut(one, sizes) is not { } left || TryCut(other, sizes) is not { } right)
            return false;
        for (var i = 0; i < sizes.Length; i++)
            if (!TryUnify(left[i], right[i]))
                return false;
        return true;
    }

    private static IEnumerable<int> Ends(Sum sum)
    {
        var end = 0;
        foreach (var part in sum.Parts)
            yield return end += part.Size;
    }

    /// <summary>A product and another term: the outer factors are made equal, then the rest.</summary>
    private static bool TryPeel(Product product, Term term)
    {
        var (outer, rest) = (product.Factors[0], Product.Of([.. product.Factors.Skip(1)]));
        if (term is Product other && other.Factors[0].Size < outer.Size)
            (outer, rest, term) = (other.Factors[0], Product.Of([.. other.Factors.Skip(1)]), product);
        return TrySplit(term, outer.Size, rest.Size) is var (first, second) && first is not null
            && TryUnify(outer, first) && TryUnify(rest, second!);
    }

    /// <summary>A term as a product of two; null where it has no such structure.</summary>
    private static (Term? Outer, Term? Inner) TrySplit(Term term, int outer, int inner)
    {
        term = term.Resolve();
        if (outer == 1)
            return (Unit(), term);
        if (inner == 1)
            return (term, Unit());
        switch (term)
        {
            case Dim leaf:
                var split = (Outer: new Dim(outer), Inner: new Dim(inner));
                return TryBind(leaf, new Product([split.Outer, split.Inner])) ? split : default;
            case Product product:
                return TrySplitProduct(product, outer, inner);
            case Sum sum when sum.Parts.All(part => part.Size % inner == 0):
                var parts = sum.Parts.Select(part => TrySplit(part, part.Size / inner, inner)).ToArray();
                if (parts.Any(part => part.Outer is null) || parts.Skip(1).Any(part => !TryUnify(parts[0].Inner!, part.Inner!)))
                    return default;
                return (Sum.Of([.. parts.Select(part => part.Outer!)]), parts[0].Inner);
            case Sum sum when TryCutSum(sum, [.. Enumerable.Repeat(inner, outer)], takeApart: false) is { } blocks
                && blocks.Skip(1).All(block => TryUnify(blocks[0], block)):
                return (Sum.Of([.. blocks.Select(_ => Unit())]), blocks[0].Resolve());
            default:
                return default;
        }
    }

    private static (Term? Outer, Term? Inner) TrySplitProduct(Product product, int outer, int inner)
    {
        var (taken, size) = (0, 1);
        while (size * (long)product.Factors[taken].Size <= outer)
            size *= product.Factors[taken++].Size;
        var (before, after) = (product.Factors.Take(taken).ToList(), product.Factors.Skip(taken).ToList());
        if (size != outer)
        {
            var factor = after[0];
            if (outer % size != 0 || factor.Size % (outer / size) != 0
                || TrySplit(factor, outer / size, factor.Size / (outer / size)) is not ({ } first, { } second))
                return default;
            before.Add(first);
            after[0] = second;
        }
        return (Product.Of(before).Resolve(), Product.Of(after).Resolve());
    }

    /// <summary>A term cut into parts of given sizes; null where a cut falls inside a block.</summary>
    /// <param name="term">The term.</param>
    /// <param name="sizes">Sizes of the parts.</param>
    /// <param name="takeApart">Whether such a block is taken apart to units instead.</param>
    private static IReadOnlyList<Term>? TryCut(Term term, int[] sizes, bool takeApart = false)
    {
        term = term.Resolve();
        if (sizes.Length == 1)
            return [term];
        switch (term)
        {
            case Dim leaf:
                Term[] fresh = [.. sizes.Select(size => new Dim(size))];
                return TryBind(leaf, new Sum(fresh)) ? fresh : null;
            case Sum sum:
                return TryCutSum(sum, sizes, takeApart);
            default:
                return TryCutProduct((Product)term, sizes, takeApart);
        }
    }

    private static IReadOnlyList<Term>? TryCutProduct(Product product, int[] sizes, bool takeApart)
    {
        var (first, rest) = (product.Factors[0], Product.Of([.. product.Factors.Skip(1)]));
        if (sizes.All(size => size % rest.Size == 0))
            return Times(TryCut(first, [.. sizes.Select(size => size / rest.Size)], takeApart), outer => Product.Of(outer, rest));
        if (!takeApart || first is Dim { Pinned: not null, Size: > 1 })
            return null;
        if (first.Size == 1)
            return Times(TryCut(rest, sizes, takeApart), part => Product.Of(first, part));
        var blocks = first is Dim leaf ? leaf.TakeApart() : ((Sum)first).Parts;
        return TryCutSum(new([.. blocks.Select(block => Product.Of(block, rest).Resolve())]), sizes, takeApart);

        static IReadOnlyList<Term>? Times(IReadOnlyList<Term>? parts, Func<Term, Term> with) =>
            parts is null ? null : [.. parts.Select(part => with(part).Resolve())];
    }

    private static List<Term>? TryCutSum(Sum sum, int[] sizes, bool takeApart)
    {
        var result = new List<Term>();
        var parts = new Queue<Term>(sum.Parts);
        Term? rest = null;
        foreach (var size in sizes)
        {
            var (taken, missing) = (new List<Term>(), size);
            while (missing > 0)
            {
                var part = rest ?? parts.Dequeue();
                rest = null;
                if (part.Size > missing)
                {
                    if (TryCut(part, [missing, part.Size - missing], takeApart) is not { } cut)
                        return null;
                    (part, rest) = (cut[0], cut[1]);
                }
                taken.Add(part);
                missing -= part.Size;
            }
            result.Add(Sum.Of(taken).Resolve());
        }
        return result;
    }

    private static Dim Unit(int size = 1) => Pinned(size, "an axis of one index");
}
