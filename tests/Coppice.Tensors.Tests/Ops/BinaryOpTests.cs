using Coppice.Tensors.Kernels.Reference;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class BinaryOpTests
{
    private static readonly (Op Op, Func<float, float, float> Reference)[] Cases =
    [
        (new Add(), (a, b) => a + b), (new Subtract(), (a, b) => a - b), (new Multiply(), (a, b) => a * b), (new Divide(), (a, b) => a / b),
        (new Minimum(), MathF.Min), (new Maximum(), MathF.Max), (new Power(), MathF.Pow), (new Modulo(true), (a, b) => a % b),
        (new Modulo(false), (a, b) => a % b is var rest && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest),
    ];

    public static TheoryData<int[], int[], int[]> Shapes => new()
    {
        { [3, 4], [3, 4], [3, 4] },
        { [5, 3, 17], [17], [5, 3, 17] },
        { [17], [5, 3, 17], [5, 3, 17] },
        { [4, 33], [], [4, 33] },
        { [], [4, 33], [4, 33] },
        { [], [], [] },
        { [1], [], [1] },
        { [4, 1], [1, 7], [4, 7] },
        { [2, 1, 3, 1], [5, 1, 9], [2, 5, 3, 9] },
        { [2, 3, 1], [2, 3, 31], [2, 3, 31] },
        { [2, 0], [1], [2, 0] },
        { [1, 3], [0, 1], [0, 3] },
        { [3, 40000], [3, 1], [3, 40000] },
        { [70000], [70000], [70000] },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Forward_Broadcast_MatchesReference(int[] left, int[] right, int[] expected)
    {
        var (a, b) = (Numbers.Random(Shape.Create(left), 1), Numbers.Random(Shape.Create(right), 2));
        foreach (var (op, reference) in Cases)
        {
            var y = Op.ApplySingle(op, a, b);
            Assert.Equal(Shape.Create(expected), y.Shape);
            Assert.Equal(BroadcastReference.Run(a, b, y.Shape, reference), y.ToArray<float>());
        }
    }

    [Fact]
    public void Forward_EdgeSizes_MatchesReference()
    {
        foreach (var size in Numbers.EdgeSizes)
            Forward_Broadcast_MatchesReference([3, size], [size], [3, size]);
    }

    [Fact]
    public void Forward_StridedViews_MatchesReference()
    {
        var a = Numbers.Random([7, 6, 5], 1).Transpose(0, 2);
        var b = Numbers.Random([9, 7], 2).Narrow(0, 2, 6);
        foreach (var (op, reference) in Cases)
            Assert.Equal(BroadcastReference.Run(a, b, [5, 6, 7], reference), Op.ApplySingle(op, a, b).ToArray<float>());
    }

    [Fact]
    public void Forward_SpecialValues_MatchesReference()
    {
        var count = Numbers.Special.Length;
        var (a, b) = (Tensor.From<float>(Numbers.Special, [count, 1]), Tensor.From<float>(Numbers.Special, [count]));
        foreach (var (op, reference) in Cases)
            Assert.Equal(BroadcastReference.Run(a, b, [count, count], reference), Op.ApplySingle(op, a, b).ToArray<float>());
    }

    [Fact]
    public void Infer_ShapesThatDoNotBroadcast_NamesBothAndTheAxis()
    {
        var error = Assert.Throws<OpException>(() => Tensor.Zeros([2, 3, 4]).Add(Tensor.Zeros([2, 4])));
        Assert.Equal(
            "Add(F32 [2, 3, 4], F32 [2, 4]): sizes at axis 2 (from the end) differ and neither is 1, so the shapes do not broadcast.",
            error.Message);
    }

    [Fact]
    public void Infer_OtherType_NamesIt()
    {
        var error = Assert.Throws<OpException>(() => Tensor.Zeros([2]).Multiply(Tensor.Zeros([2], DType.F16)));
        Assert.Contains("Multiply(F32 [2], F16 [2])", error.Message);
    }

    [Fact]
    public void Forward_WholeNumbers_MatchesReference()
    {
        var (a, b) = (Tensor.From<long>([7, -7, long.MinValue, 3, 1L << 60], [5]), Tensor.From<long>([2, 2, -1, -2, 3], [5]));
        Assert.Equal([9, -5, long.MaxValue, 1, (1L << 60) + 3], a.Add(b).ToArray<long>());
        Assert.Equal([3, -3, long.MinValue, -1, (1L << 60) / 3], a.Divide(b).ToArray<long>());
        Assert.Equal([1, 1, 0, -1, (1L << 60) % 3], Op.ApplySingle(new Modulo(false), a, b).ToArray<long>());
        Assert.Equal([1, -1, 0, 1, (1L << 60) % 3], Op.ApplySingle(new Modulo(true), a, b).ToArray<long>());
        Assert.Equal([2, -7, long.MinValue, -2, 3], a.Minimum(b).ToArray<long>());
        Assert.Equal([[1, 4, 9], [2, 5, 10]], Rows(Tensor.From<int>([0, 3, 8], [3]).Add(Tensor.From<int>([1, 2], [2, 1]))));
    }

    [Fact]
    public void Divide_WholeNumberByZero_SaysSo()
    {
        var error = Assert.Throws<OpException>(() => Tensor.From<int>([1], [1]).Divide(Tensor.From<int>([0], [1])));
        Assert.StartsWith("A whole number is divided by zero", error.Message);
    }

    [Fact]
    public void Compare_EachKind_MatchesReference()
    {
        var (a, b) = (Tensor.From<float>([1, 2, float.NaN, 2], [2, 2]), Tensor.From<float>([1, 2], [2]));
        Assert.Equal([true, true, false, true], a.Compare(Comparison.Equal, b).ToArray<bool>());
        Assert.Equal([false, false, true, false], a.Compare(Comparison.NotEqual, b).ToArray<bool>());
        Assert.Equal([true, false, false, false], a.Compare(Comparison.Less, Tensor.Full([], 2)).ToArray<bool>());
        Assert.Equal([true, true, false, true], a.Compare(Comparison.LessOrEqual, Tensor.Full([], 2)).ToArray<bool>());
        Assert.Equal([false, true, false, true], a.Compare(Comparison.Greater, Tensor.Full([], 1)).ToArray<bool>());
        Assert.Equal([true, true, false, true], a.Compare(Comparison.GreaterOrEqual, b).ToArray<bool>());
    }

    [Fact]
    public void Logical_EachKind_MatchesTruthTable()
    {
        var (a, b) = (Tensor.From<bool>([false, true], [2, 1]), Tensor.From<bool>([false, true], [2]));
        Assert.Equal([false, false, false, true], Op.ApplySingle(new Logical(LogicalKind.And), a, b).ToArray<bool>());
        Assert.Equal([false, true, true, true], Op.ApplySingle(new Logical(LogicalKind.Or), a, b).ToArray<bool>());
        Assert.Equal([false, true, true, false], Op.ApplySingle(new Logical(LogicalKind.Xor), a, b).ToArray<bool>());
    }

    [Fact]
    public void Where_Broadcast_TakesFromEitherSide()
    {
        var condition = Tensor.From<bool>([true, false, true], [3]);
        var a = Tensor.From<long>([1, 2], [2, 1]);
        Assert.Equal([1, 9, 1, 2, 9, 2], Tensor.Where(condition, a, Tensor.From<long>([9], [])).ToArray<long>());
        Assert.Throws<OpException>(() => Tensor.Where(condition, a, Tensor.Full([], 1)));
    }

    private static int[][] Rows(Tensor x) => [.. x.ToArray<int>().Chunk(x.Shape[^1])];
}
