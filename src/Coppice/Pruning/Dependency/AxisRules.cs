using Coppice.Graphs;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

/// <summary>Rules of the ops that move, repeat, reduce or lay out axes, most of which come from ONNX files.</summary>
internal static class AxisRules
{
    private const string OneIndex = "an axis of one index";

    public static void Permute(Coupling c) => c.Outputs[0] = [.. ((Permute)c.Node.Op).Axes.Select(axis => c.Inputs[0][axis])];

    public static void Unsqueeze(Coupling c)
    {
        var axis = ((Unsqueeze)c.Node.Op).Axis;
        c.Outputs[0] = [.. c.Inputs[0][..axis], c.NewPinned(1, OneIndex), .. c.Inputs[0][axis..]];
    }

    /// <summary>What is repeated may be repeated less often.</summary>
    public static void Expand(Coupling c)
    {
        var (x, sizes) = (c.Inputs[0], c.OutputSizes());
        c.Outputs[0] = new Term[sizes.Count];
        for (var axis = 0; axis < sizes.Count; axis++)
        {
            var own = axis - (sizes.Count - x.Length);
            c.Outputs[0][axis] = own >= 0 && x[own].Size == sizes[axis] ? x[own]
                : sizes[axis] == 1 ? c.NewPinned(1, OneIndex)
                : new Dim(sizes[axis]);
        }
        c.Sizes = c.Outputs[0];
    }

    /// <summary>Every n-th entry: one of each block of n, so that whole blocks can go.</summary>
    public static void Slice(Coupling c)
    {
        var op = (Slice)c.Node.Op;
        const string why = "entries are taken in steps";
        c.Outputs[0] = [.. c.Inputs[0]];
        var pattern = op.Step > 0 ? new IndexPattern(op.Start, [op.Count], [op.Step]) : null;
        if (pattern?.TakenFrom(c.Inputs[0][op.Axis], c.Name) is not { } taken)
        {
            c.Pin(c.Inputs[0][op.Axis], why);
            c.Outputs[0][op.Axis] = c.NewPinned(op.Count, why);
            return;
        }
        c.Pin(taken.Factors[1], why);
        var before = AxisAlgebra.Cut(taken.Factors[0], [op.Start / op.Step, taken.Factors[0].Size - op.Start / op.Step], c.Name)[0];
        Term[] start = [Product.Of(before, taken.Factors[1]), c.NewPinned(op.Start % op.Step, why)];
        c.Outputs[0][op.Axis] = taken.Term;
        c.Sizes = [Sum.Of([.. start.Where(part => part.Size > 0).DefaultIfEmpty(start[1])]), taken.Term];
    }

    /// <summary>x [.., N, ..], indices [I...] -> [.., I..., ..]; constant indices are numbered anew when entries of N go.</summary>
    public static void Gather(Coupling c)
    {
        var (x, axis) = (c.Inputs[0], ((Gather)c.Node.Op).Axis);
        Term[] made = c.Inputs[1];
        if (Taken(c, x[axis]) is not { } taken)
            c.Pin(x[axis], "its entries are taken by their numbers");
        else if (made.Length > 0)
        {
            c.Pin(made[0], "it says which entries are taken");
            made = [taken];
        }
        c.Outputs[0] = [.. x[..axis], .. made, .. x[(axis + 1)..]];
    }

    /// <summary>x [batch.., numbered.., rest..], rows of indices [batch.., I.., K] -> [batch.., I.., rest..].</summary>
    public static void GatherND(Coupling c)
    {
        var (x, indices) = (c.Inputs[0], c.Inputs[1]);
        var rest = ((GatherND)c.Node.Op).BatchAxes + indices[^1].Size;
        foreach (var axis in x[..rest].Concat(indices))
            c.Pin(axis, "blocks are taken by their numbers");
        c.Outputs[0] = [.. indices[..^1], .. x[rest..]];
    }

    /// <summary>x and indices are of one shape but for the axis counted along, or x is longer.</summary>
    public static void GatherElements(Coupling c)
    {
        AlongsideElements(c, ((GatherElements)c.Node.Op).Axis, "elements are taken by their numbers");
        c.Outputs[0] = c.Inputs[1];
    }

    /// <summary>The same, and the updates are of the indices' shape.</summary>
    public static void ScatterElements(Coupling c)
    {
        AlongsideElements(c, ((ScatterElements)c.Node.Op).Axis, "elements are put in place by their numbers");
        for (var axis = 0; axis < c.Inputs[1].Length; axis++)
            c.Equate(c.Inputs[1][axis], c.Inputs[2][axis]);
        c.Outputs[0] = c.Inputs[0];
    }

    /// <summary>x [numbered.., rest..], rows of indices [I.., K], updates [I.., rest..] -> x's shape.</summary>
    public static void ScatterND(Coupling c)
    {
        var (x, indices, updates) = (c.Inputs[0], c.Inputs[1], c.Inputs[2]);
        var numbered = indices[^1].Size;
        foreach (var axis in x[..numbered].Concat(indices))
            c.Pin(axis, "blocks are put in place by their numbers");
        foreach (var (left, right) in indices[..^1].Concat(x[numbered..]).Zip(updates))
            c.Equate(left, right);
        c.Outputs[0] = x;
    }

    private static void AlongsideElements(Coupling c, int numbered, string why)
    {
        var (x, indices) = (c.Inputs[0], c.Inputs[1]);
        for (var axis = 0; axis < x.Length; axis++)
            if (axis == numbered)
                c.Pin(x[axis], why);
            else if (x[axis].Size == indices[axis].Size)
                c.Equate(x[axis], indices[axis]);
            else
            {
                c.Pin(x[axis], why);
                c.Pin(indices[axis], why);
            }
    }

    private static Term? Taken(Coupling c, Term axis)
    {
        if (c.Node.Inputs[1] is not (ConstantValue or BufferValue) || c.InputSizes(1) is not ([] or [> 0])
            || axis.Leaves().All(leaf => leaf.Pinned is not null))
            return null;
        int[] indices = [.. ((StoredValue)c.Node.Inputs[1]).Tensor.ToArray<long>().Select(index => (int)(index < 0 ? index + axis.Size : index))];
        if (c.TakesApart)
            return AxisAlgebra.Pick(axis, indices, c.Name);
        return IndexPattern.Find(indices)?.TakenFrom(axis, c.Name)?.Term
            // One by one nothing can go, so that only longer runs are worth their terms.
            ?? (indices.Zip(indices.Skip(1)).Any(pair => pair.Second == pair.First + 1) ? AxisAlgebra.Gather(axis, indices, c.Name) : null);
    }

    /// <summary>All but sums are normalised: the mean or maximum of what is left is another.</summary>
    public static void Reduce(Coupling c)
    {
        var op = (Reduce)c.Node.Op;
        c.Outputs[0] = [.. c.Inputs[0]];
        foreach (var axis in op.Axes)
        {
            var term = c.Inputs[0][axis];
            if (op.Kind != Reduction.Sum)
                AxisAlgebra.Normalize(term, c.Name);
            c.Contract(0, axis);
            c.Outputs[0][axis] = c.NewPinned(1, OneIndex);
        }
    }

    /// <summary>An entry that is gone adds nothing to those behind it.</summary>
    public static void CumulativeSum(Coupling c)
    {
        c.Contract(0, ((CumulativeSum)c.Node.Op).Axis);
        c.Outputs[0] = c.Inputs[0];
    }

    /// <summary>Without an entry, others are neighbours.</summary>
    public static void SlidingSum(Coupling c)
    {
        AxisAlgebra.Normalize(c.Inputs[0][((SlidingSum)c.Node.Op).Axis], c.Name);
        c.Outputs[0] = c.Inputs[0];
    }

    public static void TopK(Coupling c)
    {
        const string why = "entries are ranked among all along this axis";
        c.Pin(c.Inputs[0][^1], why);
        c.Outputs[0] = [.. c.Inputs[0][..^1], c.NewPinned(((TopK)c.Node.Op).K, why)];
        c.Outputs[1] = c.Outputs[0];
    }

    public static void Triangle(Coupling c)
    {
        foreach (var term in c.Inputs[0][^2..])
            c.Pin(term, "rows are compared with columns by position");
        c.Outputs[0] = c.Inputs[0];
    }

    /// <summary>[B, C, sizes...] -> [B, C, places, windows]</summary>
    public static void Unfold(Coupling c)
    {
        foreach (var term in c.Inputs[0][2..])
            c.Pin(term, CouplingRules.Slides);
        c.Outputs[0] = [.. c.Inputs[0][..2], .. c.OutputSizes().Skip(2).Select(size => c.NewPinned(size, CouplingRules.Slides))];
    }

    /// <summary>x [B, C, H, W], corners [R, 4], images [R] -> [R, C, h, w]</summary>
    public static void RoiAlign(Coupling c)
    {
        const string why = "regions are cut from images by numbers";
        var x = c.Inputs[0];
        foreach (var term in new[] { x[0], x[2], x[3] }.Concat(c.Inputs[1]).Concat(c.Inputs[2]))
            c.Pin(term, why);
        c.Outputs[0] = [c.Inputs[1][0], x[1], .. c.OutputSizes().Skip(2).Select(size => c.NewPinned(size, why))];
    }

    /// <summary>[B, C, places, windows] -> [B, C, sizes...]</summary>
    public static void Fold(Coupling c) => Unfold(c);
}
