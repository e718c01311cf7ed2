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

    public static void Slice(Coupling c)
    {
        var op = (Slice)c.Node.Op;
        const string why = "entries are taken in steps";
        c.Pin(c.Inputs[0][op.Axis], why);
        c.Outputs[0] = [.. c.Inputs[0]];
        c.Outputs[0][op.Axis] = c.NewPinned(op.Count, why);
    }

    /// <summary>x [.., N, ..], indices [I...] -> [.., I..., ..]</summary>
    public static void Gather(Coupling c)
    {
        var (x, axis) = (c.Inputs[0], ((Gather)c.Node.Op).Axis);
        c.Pin(x[axis], "its entries are taken by their numbers");
        c.Outputs[0] = [.. x[..axis], .. c.Inputs[1], .. x[(axis + 1)..]];
    }

    public static void Reduce(Coupling c)
    {
        var op = (Reduce)c.Node.Op;
        c.Outputs[0] = [.. c.Inputs[0]];
        foreach (var axis in op.Axes)
        {
            var term = c.Inputs[0][axis];
            if (op.Kind == Reduction.Mean)
                AxisAlgebra.Normalize(term, c.Name);
            else if (op.Kind != Reduction.Sum)
                c.Pin(term, $"the {op.Kind} of what is left would be another");
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

    /// <summary>[B, C, places, windows] -> [B, C, sizes...]</summary>
    public static void Fold(Coupling c) => Unfold(c);
}
