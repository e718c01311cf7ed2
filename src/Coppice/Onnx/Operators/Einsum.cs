using Coppice.Tensors;

namespace Coppice.Onnx.Operators;

/// <summary>Sums of products in Einstein's notation, as numpy.einsum.</summary>
internal static class Einsum
{
    /// <summary>Computes an equation such as <c>bij,bjk->bik</c> or <c>...ii->...i</c>.</summary>
    public static Tensor Compute(string equation, IReadOnlyList<Tensor> operands)
    {
        var sides = equation.Replace(" ", "", StringComparison.Ordinal).Split("->");
        var terms = sides[0].Split(',');
        if (terms.Length != operands.Count)
            throw new NotSupportedException($"'{equation}' has {terms.Length} terms for {operands.Count} inputs");
        var dots = Enumerable.Range(0, terms.Length).Max(i => operands[i].Shape.Rank - terms[i].Replace("...", "", StringComparison.Ordinal).Length);
        var labels = terms.Select((term, i) => Spell(term, operands[i].Shape.Rank, dots)).ToList();
        var output = sides.Length > 1 ? Spell(sides[1], -1, dots) : Implicit(labels, dots);
        var all = output.Concat(labels.SelectMany(term => term)).Distinct().ToArray();
        var aligned = labels.Select((term, i) => Align(operands[i], term, all)).ToList();
        return SumUp(aligned.Aggregate((a, b) => a.Multiply(b)), all.Length, output.Length);
    }

    /// <summary>Axes as letters; those of "..." are digits counted from the last.</summary>
    private static char[] Spell(string term, int rank, int dots)
    {
        var count = rank < 0 ? dots : rank - term.Replace("...", "", StringComparison.Ordinal).Length;
        return term.Replace("...", string.Concat(Enumerable.Range(0, count).Select(i => (char)('0' + dots - count + i))), StringComparison.Ordinal)
            .ToCharArray();
    }

    private static char[] Implicit(List<char[]> labels, int dots) =>
    [
        .. Enumerable.Range(0, dots).Select(i => (char)('0' + i)),
        .. labels.SelectMany(term => term).Where(char.IsLetter).GroupBy(label => label).Where(group => group.Count() == 1)
            .Select(group => group.Key).Order(),
    ];

    /// <summary>The operand with one axis for each label of all; repeated labels become their diagonal, missing ones size 1.</summary>
    private static Tensor Align(Tensor x, char[] term, char[] all)
    {
        var axes = term.ToList();
        for (var second = axes.Count - 1; second > 0; second--)
        {
            var first = axes.IndexOf(axes[second]);
            if (first == second)
                continue;
            x = Diagonal(x, first, second);
            axes.RemoveAt(second);
        }
        x = x.Permute([.. all.Where(axes.Contains).Select(label => axes.IndexOf(label))]);
        for (var axis = 0; axis < all.Length; axis++)
            if (!axes.Contains(all[axis]))
                x = x.Unsqueeze(axis);
        return x;
    }

    private static Tensor Diagonal(Tensor x, int first, int second)
    {
        var places = OperatorCall.Numbers([.. Enumerable.Range(0, x.Shape[first]).Select(i => (long)i)]);
        var shape = Enumerable.Repeat(1, x.Shape.Rank).ToArray();
        shape[first] = x.Shape[first];
        var indices = places.Reshape(shape).Expand(x.Shape.With(second, 1));
        return Tensors.Ops.Op.ApplySingle(new Tensors.Ops.GatherElements(second), x, indices).Squeeze(second);
    }

    private static Tensor SumUp(Tensor product, int from, int kept)
    {
        if (from == kept)
            return product;
        var y = product.Reduce(Tensors.Ops.Reduction.Sum, [.. Enumerable.Range(kept, from - kept)]);
        for (var axis = from - 1; axis >= kept; axis--)
            y = y.Squeeze(axis);
        return y;
    }
}
