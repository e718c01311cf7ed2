using Coppice.Tensors.Ops;
using static Coppice.Onnx.AttributeProto;

namespace Coppice.Onnx.Export;

/// <summary>Products and normalisations.</summary>
internal static class LayerRules
{
    /// <summary>Weights keep their names and layouts; runtimes fold the transposition into them when they load a file.</summary>
    public static void Linear(NodeWriter c)
    {
        var isOutIn = c.Op<Linear>().Layout == WeightLayout.OutIn;
        if (c.Rank() == 2)
        {
            c.Result("Gemm", c.Inputs, From("transB", isOutIn ? 1 : 0));
            return;
        }
        string[] factors = [c[0], isOutIn ? c.Permute(c[1], 1, 0) : c[1]];
        if (c.Count == 2)
            c.Result("MatMul", factors);
        else
            c.Result("Add", [c.Add("MatMul", factors), c[2]]);
    }

    public static void MatMul(NodeWriter c) =>
        c.Result("MatMul", [c[0], c.Op<MatMul>().TransposeB ? SwapLast(c, c[1], c.Rank(1)) : c[1]]);

    public static void RmsNorm(NodeWriter c)
    {
        var square = c.ReduceLast("ReduceMean", c.Add("Mul", [c[0], c[0]]));
        var root = c.Add("Sqrt", [c.Add("Add", [square, c.Scalar(c.Op<RmsNorm>().Epsilon)])]);
        c.Result("Mul", [c.Add("Div", [c[0], root]), c[1]]);
    }

    public static void L2Normalize(NodeWriter c) =>
        c.Result("Div", [c[0], c.Add("Max", [c.ReduceLast("ReduceL2", c[0]), c.Scalar(1e-12f)])]);

    /// <summary>The last two of so many axes swapped.</summary>
    public static string SwapLast(NodeWriter c, string x, int rank) =>
        c.Permute(x, [.. Enumerable.Range(0, rank - 2), rank - 1, rank - 2]);
}
