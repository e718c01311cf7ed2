namespace Coppice.Pruning.Dependency;

/// <summary>What an axis is made of: a <see cref="Dim"/>, a <see cref="Product"/> (merged axes) or a <see cref="Sum"/> (axes end to end).</summary>
/// <param name="Size">Number of indices.</param>
internal abstract record Term(int Size)
{
    /// <summary>The term with every bound leaf replaced by what it is bound to, and products in products and sums in sums flattened.</summary>
    public abstract Term Resolve();

    /// <summary>The unbound leaves of a resolved term, each as often as it occurs.</summary>
    public abstract IEnumerable<Dim> Leaves();

    /// <summary>For each index of this resolved term's axis, the index of the leaf that it belongs to; -1 where it belongs to none.</summary>
    public abstract int[] OwnersIn(Dim leaf);

    /// <summary>Which indices of this resolved term's axis stay: those that no removed index of a leaf is part of.</summary>
    /// <param name="kept">Which indices of a leaf stay; null for all.</param>
    public abstract bool[] Kept(Func<Dim, bool[]?> kept);
}

/// <summary>A leaf: an axis, or a part of one, of which nothing is known but its size. Unification binds it to another term.</summary>
/// <remarks>Leaves are compared by identity.</remarks>
internal sealed record Dim(int Size) : Term(Size)
{
    /// <summary>What it was found to be; null while it is free.</summary>
    public Term? Binding { get; set; }

    /// <summary>Why no index of it may be removed; null where that is not known to be forbidden.</summary>
    public string? Pinned { get; set; }

    /// <summary>Notes on normalised axes: removing an index changes statistics.</summary>
    public string? Normalized { get; set; }

    /// <summary>The leaf of which this is one index; null where it is no such unit.</summary>
    public Dim? Whole { get; private init; }

    /// <summary>The units that this leaf was taken apart to, one for each index; empty where it was not.</summary>
    public IReadOnlyList<Dim> Units { get; private set; } = [];

    /// <summary>Takes the leaf apart to units, each of which can go by itself.</summary>
    public IReadOnlyList<Dim> TakeApart()
    {
        Units = [.. Enumerable.Range(0, Size).Select(_ => new Dim(1) { Whole = this, Pinned = Pinned, Normalized = Normalized })];
        Binding = new Sum(Units);
        return Units;
    }

    public override Term Resolve()
    {
        if (Binding is null)
            return this;
        return Binding = Binding.Resolve();
    }

    public override IEnumerable<Dim> Leaves() => [this];

    public override int[] OwnersIn(Dim leaf) => [.. Enumerable.Range(0, Size).Select(index => ReferenceEquals(this, leaf) ? index : -1)];

    public override bool[] Kept(Func<Dim, bool[]?> kept) => kept(this) ?? [.. Enumerable.Repeat(true, Size)];

    public bool Equals(Dim? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

    public override string ToString() => $"{Size}";
}

/// <summary>An axis merged from several, row-major: the last factor runs fastest.</summary>
internal sealed record Product(IReadOnlyList<Term> Factors) : Term(Factors.Aggregate(1, (size, factor) => checked(size * factor.Size)))
{
    /// <summary>The product of some terms, at least one, without factors of size 1 that are no units: of those nothing can be removed.</summary>
    public static Term Of(params IReadOnlyList<Term> factors)
    {
        Term[] real = [.. factors.Where(factor => factor.Size != 1 || factor.Resolve() is Dim { Whole: not null })];
        return real.Length switch { 0 => factors[0], 1 => real[0], _ => new Product(real) };
    }

    public override Term Resolve() =>
        Of([.. Factors.Select(factor => factor.Resolve()).SelectMany(factor => factor is Product inner ? inner.Factors : [factor])]);

    public override IEnumerable<Dim> Leaves() => Factors.SelectMany(factor => factor.Leaves());

    public override int[] OwnersIn(Dim leaf) =>
        Factors.Select(factor => factor.OwnersIn(leaf)).Aggregate((outer, inner) => Combine(outer, inner, (o, i) => o >= 0 ? o : i));

    public override bool[] Kept(Func<Dim, bool[]?> kept) =>
        Factors.Select(factor => factor.Kept(kept)).Aggregate((outer, inner) => Combine(outer, inner, (o, i) => o && i));

    public override string ToString() => string.Join(" x ", Factors.Select(factor => factor is Sum ? $"({factor})" : factor.ToString()));

    private static T[] Combine<T>(T[] outer, T[] inner, Func<T, T, T> both) => [.. outer.SelectMany(o => inner.Select(i => both(o, i)))];
}

/// <summary>An axis that is several end to end.</summary>
internal sealed record Sum(IReadOnlyList<Term> Parts) : Term(Parts.Sum(part => part.Size))
{
    /// <summary>The sum of some terms, at least one, without empty parts.</summary>
    public static Term Of(params IReadOnlyList<Term> parts)
    {
        Term[] real = [.. parts.Where(part => part.Size > 0)];
        return real.Length switch { 0 => parts[0], 1 => real[0], _ => new Sum(real) };
    }

    public override Term Resolve() =>
        Of([.. Parts.Select(part => part.Resolve()).SelectMany(part => part is Sum inner ? inner.Parts : [part])]);

    public override IEnumerable<Dim> Leaves() => Parts.SelectMany(part => part.Leaves());

    public override int[] OwnersIn(Dim leaf) => [.. Parts.SelectMany(part => part.OwnersIn(leaf))];

    public override bool[] Kept(Func<Dim, bool[]?> kept) => [.. Parts.SelectMany(part => part.Kept(kept))];

    public override string ToString() => string.Join(" | ", Parts);
}
