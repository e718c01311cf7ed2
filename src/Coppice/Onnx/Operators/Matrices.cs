using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Products of matrices.</summary>
internal static class Matrices
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["MatMul"] = call => call.InSingle(typed => [Product(typed[0], typed[1])]),
        ["Gemm"] = call => call.InSingle(typed => [Gemm(typed)]),
        ["Einsum"] = call => call.InSingle(typed => [Einsum.Compute(typed.Text("equation", ""), [.. typed.All])]),
        ["MatMulInteger"] = call => [MatMulInteger(call)],
        ["Det"] = call => [InSingle(Determinants, call[0])],
    };

    /// <summary>numpy.matmul; a product with one matrix is a linear layer, whose weight is kept packed.</summary>
    public static Tensor Product(Tensor a, Tensor b)
    {
        if (a.Shape.Rank == 1 && b.Shape.Rank == 1)
            return a.Multiply(b).Sum();
        if (a.Shape.Rank == 1)
            return Product(a.Unsqueeze(0), b).Squeeze(-2);
        if (b.Shape.Rank == 1)
            return a.MatMul(b.Unsqueeze(1)).Squeeze(-1);
        return b.Shape.Rank == 2 && b.IsContiguous && a.DType == DType.F32 ? a.Linear(b, null, WeightLayout.InOut) : a.MatMul(b);
    }

    private static Tensor Gemm(OperatorCall call)
    {
        var a = call.Flag("transA") ? call[0].Transpose(0, 1) : call[0];
        var (b, c) = (call[1], call.Optional(2));
        if (call.Float("alpha", 1) != 1)
            a = a.Multiply(Constant(call.Float("alpha", 1)));
        if (c is not null && call.Float("beta", 1) != 1)
            c = c.Multiply(Constant(call.Float("beta", 1)));
        var layout = call.Flag("transB") ? WeightLayout.OutIn : WeightLayout.InOut;
        var outputs = layout == WeightLayout.OutIn ? b.Shape[0] : b.Shape[^1];
        return c is null || c.Shape == [outputs] ? a.Linear(b, c, layout) : a.Linear(b, null, layout).Add(c);
    }

    private static Tensor MatMulInteger(OperatorCall call)
    {
        var a = Centered(call[0], call.Optional(2), 0);
        var b = Centered(call[1], call.Optional(3), 1);
        return Product(a, b).Cast(DType.I32);

        // Products of 8-bit numbers are exact in F32 up to rows of 256.
        static Tensor Centered(Tensor x, Tensor? zero, int axis)
        {
            if (zero is null)
                return x.Cast(DType.F32);
            var offset = zero.Cast(DType.F32);
            return x.Cast(DType.F32).Subtract(axis == 0 && offset.Shape.Rank == 1 && offset.Count > 1 ? offset.Unsqueeze(1) : offset);
        }
    }

    /// <summary>[..., n, n] -> [...], by elimination with the largest pivot.</summary>
    private static Tensor Determinants(Tensor x)
    {
        if (x.Shape.Rank < 2 || x.Shape[^1] != x.Shape[^2])
            throw new NotSupportedException($"the input is {x.Shape}, and square matrices are expected");
        var size = x.Shape[^1];
        var outer = Shape.Create(x.Shape.Dims[..^2]);
        double[] values = [.. x.ToArray<float>()];
        return Tensor.From<float>([.. Enumerable.Range(0, checked((int)outer.Count))
            .Select(matrix => (float)Determinant(values.AsSpan(matrix * size * size, size * size), size))], outer);
    }

    private static double Determinant(Span<double> rows, int size)
    {
        var product = 1.0;
        for (var column = 0; column < size; column++)
        {
            var pivot = column;
            for (var row = column + 1; row < size; row++)
                if (Math.Abs(rows[row * size + column]) > Math.Abs(rows[pivot * size + column]))
                    pivot = row;
            if (pivot != column)
            {
                for (var i = column; i < size; i++)
                    (rows[pivot * size + i], rows[column * size + i]) = (rows[column * size + i], rows[pivot * size + i]);
                product = -product;
            }
            var diagonal = rows[column * size + column];
            product *= diagonal;
            if (diagonal == 0)
                return 0;
            for (var row = column + 1; row < size; row++)
                for (var (i, factor) = (column + 1, rows[row * size + column] / diagonal); i < size; i++)
                    rows[row * size + i] -= factor * rows[column * size + i];
        }
        return product;
    }
}
