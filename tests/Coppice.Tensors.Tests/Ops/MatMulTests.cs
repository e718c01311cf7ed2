using Coppice.Tensors.Ops;
using Coppice.Tensors.Tracing;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class MatMulTests
{
    [Fact]
    public void MatMul_TwoMatrices_IsTheirProduct()
    {
        var a = Tensor.From<float>([1, 2, 3, 4, 5, 6], [2, 3]);
        var b = Tensor.From<float>([1, 0, 2, 1, 0, 3], [3, 2]);
        Assert.Equal([5, 11, 14, 23], a.MatMul(b).ToArray<float>());
        Assert.Equal([5, 11, 14, 23], Op.ApplySingle(new MatMul(TransposeB: true), a, b.Transpose(0, 1).Contiguous()).ToArray<float>());
    }

    public static TheoryData<int[], int[], int[]> Batches() => new()
    {
        { [2, 5, 3, 4], [4, 6], [2, 5, 3, 6] },
        { [2, 5, 3, 4], [2, 5, 4, 6], [2, 5, 3, 6] },
        { [2, 1, 3, 4], [5, 4, 6], [2, 5, 3, 6] },
        { [3, 4], [7, 4, 6], [7, 3, 6] },
        { [2, 3, 0], [0, 6], [2, 3, 6] },
        { [0, 3, 4], [4, 6], [0, 3, 6] },
        { [3, 170, 150], [3, 150, 180], [3, 170, 180] },
    };

    [Theory]
    [MemberData(nameof(Batches))]
    public void MatMul_Batches_BroadcastLikeNumpy(int[] a, int[] b, int[] expected)
    {
        Tensor left = Random(a, 1), right = Random(b, 2);
        var product = left.MatMul(right);
        Assert.Equal(Shape.Create(expected), product.Shape);
        AssertClose(Definition(left, right, product.Shape), product);
    }

    [Fact]
    public void MatMul_StridedViews_ReadTheirElements()
    {
        Tensor a = Random([2, 6, 3, 8], 1), b = Random([2, 6, 3, 8], 2);
        Tensor q = a.Transpose(1, 2), k = b.Transpose(1, 2).Transpose(2, 3); // heads out of one projection, keys transposed
        AssertClose(q.Contiguous().MatMul(k.Contiguous()), q.MatMul(k));
        var everyOther = Random([2, 6, 8, 2], 3).Transpose(2, 3).Narrow(2, 0, 1).Reshape(2, 6, 8).Transpose(0, 2); // no axis has stride 1
        AssertClose(everyOther.Contiguous().MatMul(Random([2, 4], 4)), everyOther.MatMul(Random([2, 4], 4)));
    }

    [Fact]
    public void MatMul_StridedView_IsOneOpInATrace()
    {
        var view = Random([6, 4, 2], 1).Transpose(0, 2).Narrow(0, 0, 1).Transpose(1, 2); // no axis of stride 1
        var other = Random([4, 2], 2);
        var names = new Names();
        using (names)
            view.MatMul(other);
        Assert.Equal(["MatMul"], names.Seen);
    }

    [Theory]
    [InlineData(new[] { 2, 3 }, new[] { 4, 5 }, "rows of 3, the second sums over 4")]
    [InlineData(new[] { 3 }, new[] { 3, 5 }, "at least two axes")]
    [InlineData(new[] { 2, 2, 3 }, new[] { 4, 3, 5 }, "batch sizes 2 and 4")]
    public void MatMul_ShapesThatDoNotFit_AreNamed(int[] a, int[] b, string part)
    {
        var error = Assert.Throws<OpException>(() => Random(a, 1).MatMul(Random(b, 2)));
        Assert.Contains("MatMul(F32", error.Message);
        Assert.Contains(part, error.Message);
    }

    internal static Tensor Random(int[] dims, int seed)
    {
        var tensor = Tensor.Empty(Shape.Create(dims));
        var random = new Random(seed);
        foreach (ref var value in tensor.AsSpan<float>())
            value = 2 * random.NextSingle() - 1;
        return tensor;
    }

    internal static void AssertClose(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        float[] left = expected.ToArray<float>(), right = actual.ToArray<float>();
        for (var i = 0; i < left.Length; i++)
            Assert.Equal(left[i], right[i], 1e-4f);
    }

    /// <summary>The product element by element; batch axes of size 1 or missing repeat.</summary>
    private static Tensor Definition(Tensor a, Tensor b, Shape shape)
    {
        var result = Tensor.Zeros(shape);
        var values = result.AsSpan<float>();
        var index = new int[shape.Rank];
        for (var at = 0; at < values.Length; at++)
        {
            var rest = at;
            for (var axis = shape.Rank - 1; axis >= 0; axis--)
                (rest, index[axis]) = Math.DivRem(rest, shape[axis]);
            var sum = 0.0;
            for (var k = 0; k < a.Shape[^1]; k++)
                sum += (double)Element(a, index, index[^2], k) * Element(b, index, k, index[^1]);
            values[at] = (float)sum;
        }
        return result;
    }

    private static float Element(Tensor tensor, int[] index, int row, int column)
    {
        var offset = row * tensor.Strides[^2] + column * tensor.Strides[^1];
        for (var axis = 3; axis <= tensor.Shape.Rank; axis++)
            offset += (tensor.Shape[^axis] == 1 ? 0 : index[^axis]) * tensor.Strides[^axis];
        return tensor.AsReadOnlySpan<float>()[offset];
    }

    private sealed class Names : TraceScope
    {
        public List<string> Seen { get; } = [];

        public override void Record(Op op, ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) => Seen.Add(op.Name);
    }
}
