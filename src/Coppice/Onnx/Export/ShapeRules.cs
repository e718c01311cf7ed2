using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.AttributeProto;

namespace Coppice.Onnx.Export;

/// <summary>Ops that move elements about. Sizes that follow from the inputs are computed in the file.</summary>
internal static class ShapeRules
{
    /// <summary>Numbers where that is possible, 0 for a size that stays and -1 for one that follows, since more tools understand these
    /// than arithmetic.</summary>
    public static void Reshape(NodeWriter c)
    {
        var sizes = c.Node.Sizes;
        if (sizes.Any(size => size.Constant == 0))
        {
            c.Result("Reshape", [c[0], c.Sizes(sizes)], From("allowzero", 1));
            return;
        }
        long[] numbers = [.. sizes.Select((size, axis) => size.Constant ?? (axis < c.Rank() && c.Dims()[axis].Equals(size) ? 0 : -1))];
        c.Result("Reshape", [c[0], numbers.Count(number => number == -1) > 1 ? c.Sizes(sizes) : c.Numbers(numbers)]);
    }

    public static void Transpose(NodeWriter c)
    {
        var op = c.Op<Transpose>();
        long[] axes = [.. Enumerable.Range(0, c.Rank()).Select(axis => (long)axis)];
        (axes[op.Axis0], axes[op.Axis1]) = (axes[op.Axis1], axes[op.Axis0]);
        c.Result("Transpose", c.Inputs, From("perm", axes));
    }

    public static void Narrow(NodeWriter c)
    {
        var (start, length) = (c.Node.Sizes[0], c.Node.Sizes[1]);
        c.Result("Slice", [c[0], c.Size(start), c.Sum(start, length), c.Numbers(c.Op<Narrow>().Axis)]);
    }

    /// <summary>Backwards, the end is written less the axis's size: counted from the end, it may lie before the first entry.</summary>
    public static void Slice(NodeWriter c)
    {
        var (op, start, count) = (c.Op<Slice>(), c.Node.Sizes[0], c.Node.Sizes[1]);
        var end = start.Constant + (long?)count.Constant * op.Step is { } known ? c.Numbers(known)
            : c.Add("Add", [c.Size(start), c.Add("Mul", [c.Size(count), c.Numbers(op.Step)])]);
        if (op.Step < 0)
            end = c.Add("Sub", [end, c.SizeOf(0, op.Axis)]);
        c.Result("Slice", [c[0], c.Size(start), end, c.Numbers(op.Axis), c.Numbers(op.Step)]);
    }

    public static void Pad(NodeWriter c)
    {
        var op = c.Op<Pad>();
        var pads = Enumerable.Repeat(SymbolicDim.FromInt32(0), 2 * c.Rank()).ToArray();
        (pads[op.Axis], pads[op.Axis + c.Rank()]) = (c.Node.Sizes[0], c.Node.Sizes[1]);
        c.Result("Pad", [c[0], c.Sizes(pads), c.Scalar(op.Value, c.TypeOf(0))]);
    }

    public static void Arange(NodeWriter c)
    {
        var (start, count) = (c.Node.Sizes[0], c.Node.Sizes[1]);
        c.Result("Range", [Scalar(c, c.Size(start)), Scalar(c, c.Sum(start, count)), c.Scalar(1, DType.I64)]);
    }

    public static void TopK(NodeWriter c) =>
        c.Result("TopK", [c[0], c.Size(c.Node.Sizes[0])], From("axis", -1), From("largest", c.Op<TopK>().Largest ? 1 : 0));

    public static void Triangle(NodeWriter c) => c.Result("Trilu",
        [c[0], c.Constant(Tensor.From<long>([c.Op<Triangle>().Diagonal], []))], From("upper", c.Op<Triangle>().Upper ? 1 : 0));

    public static void Scatter(NodeWriter c, string name, params AttributeProto[] attributes)
    {
        var kind = c.Op<ScatterOp>().Kind;
        if (kind is ScatterKind.Maximum or ScatterKind.Minimum && c.Opset < 18)
            throw c.Refused($"ONNX scatters the {kind} from opset 18 on");
        c.Result(name, c.Inputs, [.. attributes, From("reduction", kind switch
        {
            ScatterKind.Assign => "none",
            ScatterKind.Add => "add",
            ScatterKind.Multiply => "mul",
            ScatterKind.Maximum => "max",
            _ => "min",
        })]);
    }

    /// <summary>The one number of an I64 tensor [1], without axes.</summary>
    public static string Scalar(NodeWriter c, string size) => c.Add("Squeeze", [size, c.Numbers(0)]);
}
