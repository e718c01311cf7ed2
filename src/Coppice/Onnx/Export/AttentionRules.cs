using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.AttributeProto;

namespace Coppice.Onnx.Export;

/// <summary>Attention and rotary positions, spelt out.</summary>
internal static class AttentionRules
{
    /// <summary>With grouped queries, heads [H] become [Hkv, R], and keys and values are repeated by broadcasting.</summary>
    public static void Attention(NodeWriter c)
    {
        var (op, heads, keyHeads, size) = (c.Op<Attention>(), c.Fixed(0, 1), c.Fixed(1, 1), c.Fixed(0, 3));
        var isGrouped = heads != keyHeads;
        var (queries, keys, values) = (c.Add("Mul", [c[0], c.Scalar(op.Scale)]), c[1], c[2]);               // [B, H, T, D], [B, Hkv, S, D]
        if (isGrouped)
        {
            queries = c.Add("Reshape", [queries, c.Numbers(0, keyHeads, heads / keyHeads, -1, size)]);      // [B, Hkv, R, T, D]
            (keys, values) = (c.Add("Unsqueeze", [keys, c.Numbers(2)]), c.Add("Unsqueeze", [values, c.Numbers(2)]));    // [B, Hkv, 1, S, D]
        }
        var scores = c.Add("MatMul", [queries, LayerRules.SwapLast(c, keys, isGrouped ? 5 : 4)]);           // [B, H or Hkv, R, T, S]
        if (c.Count > 3)
            scores = c.Add("Add", [scores, isGrouped ? GroupedMask(c, keyHeads, heads / keyHeads) : c[3]]);
        if (op.Causal)
            scores = c.Add("Where", [Seen(c), scores, c.Scalar(float.NegativeInfinity)]);
        var mixed = c.Add("MatMul", [c.Add("Softmax", [scores], From("axis", -1)), values]);                // [B, H or Hkv, R, T, D]
        mixed = isGrouped ? c.Permute(mixed, 0, 3, 1, 2, 4) : c.Permute(mixed, 0, 2, 1, 3);                 // [B, T, H or Hkv, R, D]
        c.Result("Reshape", [mixed, c.Numbers(0, 0, (long)heads * size)]);
    }

    /// <summary>The angles are computed once for all layers: the writer knows them again.</summary>
    public static void Rotary(NodeWriter c)
    {
        const int lastAxis = 3;
        var half = c.Fixed(2, 0);
        var positions = c.Add("Cast", [c[1]], From("to", (long)TensorDataType.Float));
        positions = c.Add("Unsqueeze", [positions, c.Rank(1) == 2 ? c.Numbers(1, lastAxis) : c.Numbers(1)]); // [T, 1] or [B, 1, T, 1]
        var angles = c.Add("Mul", [positions, c[2]]);
        var (cosine, sine) = (c.Add("Cos", [angles]), c.Add("Sin", [angles]));
        var (first, second) = (Part(0, half), Part(half, 2 * half));
        c.Result("Concat",
            [c.Add("Sub", [Product(first, cosine), Product(second, sine)]), c.Add("Add", [Product(second, cosine), Product(first, sine)])],
            From("axis", lastAxis));

        string Part(int start, int end) => c.Add("Slice", [c[0], c.Numbers(start), c.Numbers(end), c.Numbers(lastAxis)]);

        string Product(string left, string right) => c.Add("Mul", [left, right]);
    }

    /// <summary>Bool [T, S]: query i sees key j up to i + S - T.</summary>
    private static string Seen(NodeWriter c)
    {
        var (queries, keys, one) = (ShapeRules.Scalar(c, c.SizeOf(0, 2)), ShapeRules.Scalar(c, c.SizeOf(1, 2)), c.Scalar(1, DType.I64));
        var columns = c.Add("Range", [c.Scalar(0, DType.I64), keys, one]);
        var rows = c.Add("Range", [c.Add("Sub", [keys, queries]), keys, one]);
        return c.Add("LessOrEqual", [columns, c.Add("Unsqueeze", [rows, c.Numbers(1)])]);
    }

    /// <summary>A mask [B or 1, H or 1, T or 1, S] that broadcasts to [B, Hkv, R, T, S].</summary>
    private static string GroupedMask(NodeWriter c, int keyHeads, int each) => c.Dims(3)[1].Constant == 1
        ? c.Add("Unsqueeze", [c[3], c.Numbers(2)])
        : c.Add("Reshape", [c[3],
            c.Add("Concat", [c.SizeOf(3, 0), c.Numbers(keyHeads, each), c.SizeOf(3, 2), c.SizeOf(3, 3)], From("axis", 0))]);
}
