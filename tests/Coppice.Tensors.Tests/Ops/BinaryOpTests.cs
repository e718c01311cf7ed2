using Coppice.Tensors.Kernels.Reference;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class BinaryOpTests
{
    private static readonly (Op Op, Func<float, float, float> Reference)[] Cases =
        [(new Add(), (a, b) => a + b), (new Subtract(), (a, b) => a - b), (new Multiply(), (a, b) => a * b)];

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
}
