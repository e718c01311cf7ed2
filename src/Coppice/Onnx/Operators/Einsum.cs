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
        var product = new Term(Align(operands[0], labels[0], all), [.. labels[0]]);
        for (var i = 1; i < operands.Count; i++)
        {
            var later = labels.Skip(i + 1).SelectMany(term => term).Concat(output).ToHashSet();
            product = Contract(product, new(Align(operands[i], labels[i], all), [.. labels[i]]), all, later);
        }
        return SumUp(product.Tensor, all.Length, output.Length);
    }

    /// <summary>A tensor with an axis for each label of the equation, and those that it really has.</summary>
    private sealed record Term(Tensor Tensor, HashSet<char> Labels);

    /// <summary>The product of two terms, summed over what both have and nobody needs later: one batched matrix product.</summary>
    private static Term Contract(Term left, Term right, char[] all, HashSet<char> later)
    {
        int[] Where(Func<char, bool> chosen) => [.. Enumerable.Range(0, all.Length).Where(axis => chosen(all[axis]))];
        var shared = Where(label => left.Labels.Contains(label) && right.Labels.Contains(label));
        var batch = shared.Where(axis => later.Contains(all[axis])).ToArray();
        var summed = shared.Except(batch).ToArray();
        var rows = Where(label => !right.Labels.Contains(label));
        var columns = Where(label => right.Labels.Contains(label) && !left.Labels.Contains(label));
        var sizes = all.Select((_, axis) => Math.Max(left.Tensor.Shape[axis], right.Tensor.Shape[axis])).ToArray();
        var a = Matrix(left.Tensor, sizes, batch, rows, summed);
        var b = Matrix(right.Tensor, sizes, batch, summed, columns);
        int[] order = [.. batch, .. rows, .. columns, .. summed];
        var back = Enumerable.Range(0, order.Length).Select(axis => Array.IndexOf(order, axis)).ToArray();
        var y = a.MatMul(b).Reshape([.. order.Select(axis => summed.Contains(axis) ? 1 : sizes[axis])]).Permute(back);
        return new(y, [.. left.Labels.Concat(right.Labels).Except(summed.Select(axis => all[axis]))]);
    }

    /// <summary>[batch, rows, columns] of groups of axes; the other axes have size 1.</summary>
    private static Tensor Matrix(Tensor x, int[] sizes, int[] batch, int[] rows, int[] columns)
    {
        int[] order = [.. batch, .. rows, .. columns];
        int Product(int[] axes) => axes.Aggregate(1, (product, axis) => checked(product * sizes[axis]));
        var full = Shape.Create([.. sizes.Select((size, axis) => order.Contains(axis) ? size : 1)]);
        return x.Expand(full).Permute([.. order, .. Enumerable.Range(0, sizes.Length).Except(order)])
            .Reshape(Product(batch), Product(rows), Product(columns));
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
        var places = OperatorCall.Numbers(x.Shape[first], i => i);
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
