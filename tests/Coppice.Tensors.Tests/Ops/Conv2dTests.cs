using Coppice.Tensors.Kernels;
using Coppice.Tensors.Kernels.Reference;
using Coppice.Tensors.Ops;
using Coppice.Tensors.Tests.Kernels;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
[Collection(nameof(WorkersTests))]
public sealed class Conv2dTests
{
    /// <summary>B, C, H, W, O, kh, kw, stride, padding, dilation, groups: each path, edges of panels, strips and runs.</summary>
    private static readonly ConvShape[] Cases =
    [
        new(1, 1, 5, 5, 1, 3, 3, 1, 0, 1, 1),
        new(2, 3, 9, 7, 5, 3, 3, 1, 1, 1, 1),
        new(9, 3, 8, 8, 16, 3, 3, 1, 1, 1, 1),
        new(3, 16, 8, 8, 17, 3, 3, 2, 1, 1, 1),
        new(1, 8, 15, 17, 33, 1, 1, 1, 0, 1, 1),
        new(5, 4, 3, 3, 6, 1, 1, 1, 0, 1, 1),
        new(2, 6, 11, 10, 4, 1, 1, 2, 0, 1, 1),
        new(2, 4, 12, 11, 6, 5, 3, 1, 2, 1, 1),
        new(2, 4, 13, 14, 6, 3, 3, 2, 2, 2, 1),
        new(1, 4, 20, 21, 6, 3, 5, 3, 1, 3, 2),
        new(2, 12, 6, 6, 8, 3, 3, 1, 1, 1, 4),
        new(3, 5, 9, 18, 5, 3, 3, 1, 1, 1, 5),
        new(2, 5, 9, 18, 5, 3, 3, 2, 1, 1, 5),
        new(2, 3, 8, 9, 6, 3, 3, 1, 1, 1, 3),
        new(1, 130, 6, 6, 30, 3, 3, 1, 1, 1, 1),
        new(1, 3, 23, 40, 20, 7, 7, 2, 3, 1, 1),
        new(6, 2, 40, 40, 3, 3, 3, 1, 2, 1, 1),
        new(2, 2, 2, 2, 2, 3, 3, 1, 1, 1, 1),
        new(1, 2, 5, 40, 3, 1, 2, 1, 0, 1, 1),
        new(1, 2, 4, 4, 3, 1, 1, 1, 1, 1, 1),
        new(4, 1, 6, 6, 2, 2, 2, 2, 0, 1, 1),
        new(5, 6, 16, 16, 20, 3, 3, 1, 1, 1, 1),
        new(7, 9, 8, 8, 15, 3, 3, 1, 1, 1, 1),
        new(3, 8, 32, 32, 6, 3, 3, 2, 1, 1, 2),
        new(3, 12, 8, 24, 9, 1, 1, 1, 0, 1, 3),
        new(2, 130, 8, 8, 5, 3, 3, 1, 1, 1, 1),
        new(3, 16, 16, 32, 17, 3, 3, 1, 1, 1, 1),
        new(5, 17, 8, 8, 16, 3, 3, 1, 1, 1, 1),
        new(2, 16, 6, 14, 16, 3, 3, 1, 0, 1, 1),
        new(2, 18, 4, 44, 20, 3, 3, 1, 2, 1, 1),
        new(9, 32, 4, 8, 33, 3, 3, 1, 1, 1, 1),
        new(1, 33, 4, 18, 32, 3, 3, 1, 1, 1, 1),
        new(1, 32, 4, 34, 32, 3, 3, 1, 1, 1, 1),
        new(7, 8, 8, 8, 9, 3, 3, 2, 1, 1, 1),
        new(2, 40, 9, 9, 61, 3, 3, 2, 1, 1, 1),
        new(7, 140, 7, 5, 128, 1, 1, 1, 0, 1, 2),
    ];

    public static TheoryData<int> Numbered => [.. Enumerable.Range(0, Cases.Length)];

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Forward_EachShape_MatchesReference(int number)
    {
        var (shape, x, weight, bias, _) = Inputs(number);
        var expected = ConvReference.Forward(shape, x.ToArray<float>(), weight.ToArray<float>(), bias.ToArray<float>());
        var op = OpOf(shape);
        Numbers.Close(expected, Op.ApplySingle(op, x, weight, bias).ToArray<float>(), 1e-5);
        var plain = ConvReference.Forward(shape, x.ToArray<float>(), weight.ToArray<float>(), null);
        Numbers.Close(plain, Op.ApplySingle(op, x, weight).ToArray<float>(), 1e-5);
    }

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Backward_EachShape_MatchesReference(int number)
    {
        var (shape, x, weight, bias, dy) = Inputs(number);
        var op = OpOf(shape);
        var gradients = op.Backward([x, weight, bias], [dy], [dy]);
        Numbers.Close(ConvReference.InputGradient(shape, weight.ToArray<float>(), dy.ToArray<float>()), gradients[0]!.ToArray<float>(),
            1e-5);
        Numbers.Close(ConvReference.WeightGradient(shape, x.ToArray<float>(), dy.ToArray<float>()), gradients[1]!.ToArray<float>(), 2e-5);
        var sums = dy.ToArray<float>().Chunk(shape.Pixels).Select((plane, i) => (i % shape.Outputs, plane.Sum(v => (double)v)))
            .GroupBy(pair => pair.Item1, pair => pair.Item2).OrderBy(group => group.Key).Select(group => group.Sum()).ToArray();
        Numbers.Close(sums, gradients[2]!.ToArray<float>(), 1e-5);
    }

    [Fact]
    public void Backward_MoreColumnsThanAreHeldAtATime_MatchesReference()
    {
        var shape = new ConvShape(230, 128, 4, 4, 2, 3, 3, 1, 1, 1, 1);
        Tensor x = Numbers.Random([230, 128, 4, 4], 1, 1), weight = Numbers.Random([2, 128, 3, 3], 2, 1), dy = Numbers.Random([230, 2, 4, 4], 3, 1);
        var gradient = OpOf(shape).Backward([x, weight], [dy], [dy])[1]!;
        Numbers.Close(ConvReference.WeightGradient(shape, x.ToArray<float>(), dy.ToArray<float>()), gradient.ToArray<float>(), 1e-4);
    }

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Run_OneAndThreeThreads_GiveTheSameBytes(int number)
    {
        var (shape, x, weight, bias, dy) = Inputs(number);
        var op = OpOf(shape);
        float[][] Compute() => [Op.ApplySingle(op, x, weight, bias).ToArray<float>(),
            .. op.Backward([x, weight, bias], [dy], [dy]).Select(gradient => gradient!.ToArray<float>())];
        Assert.Equal(Threads.On(1, Compute), Threads.On(3, Compute));
    }

    [Fact]
    public void Forward_SecondUseOfAWeight_GivesTheSameBytes()
    {
        var (x, weight) = (Numbers.Random([2, 8, 9, 9]), Numbers.Random([20, 8, 3, 3], 2));
        var first = x.Conv2d(weight, padding: 1).ToArray<float>();
        Assert.Equal(first, x.Conv2d(weight, padding: 1).ToArray<float>());
        Assert.Equal(first, x.Conv2d(weight, padding: 1).ToArray<float>());
        weight.AsSpan<float>()[0] += 1;
        Assert.NotEqual(first, x.Conv2d(weight, padding: 1).ToArray<float>());
    }

    [Fact]
    public void Forward_ImageInABatch_GivesTheSameBytes()
    {
        var (x, weight) = (Numbers.Random([11, 6, 7, 7]), Numbers.Random([20, 6, 3, 3], 2));
        var one = x.Narrow(0, 4, 1).Conv2d(weight, padding: 1).ToArray<float>();
        Assert.Equal(one, x.Conv2d(weight, padding: 1).Narrow(0, 4, 1).ToArray<float>());
    }

    [Fact]
    public void Forward_ImageOfFewPixelsInABatch_GivesTheSameBytesWithAnyUseOfTheWeight()
    {
        var (x, weight) = (Numbers.Random([9, 120, 7, 7]), Numbers.Random([40, 120, 3, 3], 2));
        var first = x.Conv2d(weight, padding: 1);
        Assert.Equal(first.ToArray<float>(), x.Conv2d(weight, padding: 1).ToArray<float>());
        var one = x.Narrow(0, 8, 1).Conv2d(weight, padding: 1).ToArray<float>();
        Assert.Equal(one, first.Narrow(0, 8, 1).ToArray<float>());
    }

    [Fact]
    public void Forward_StridedView_ReadsTheView()
    {
        var (x, weight) = (Numbers.Random([2, 5, 6, 3]), Numbers.Random([4, 3, 3, 3], 2));
        var view = x.Transpose(1, 3);
        Assert.Equal(view.Contiguous().Conv2d(weight).ToArray<float>(), view.Conv2d(weight).ToArray<float>());
    }

    [Theory]
    [InlineData(0, 0, 1, 1)]
    [InlineData(1, -1, 1, 1)]
    [InlineData(1, 0, 3, 1)]
    [InlineData(1, 0, 1, 2)]
    [InlineData(1, 0, 1, 3)]
    public void Infer_ImpossibleAttributes_NamesShapes(int stride, int padding, int dilation, int groups)
    {
        var error = Assert.Throws<OpException>(() => Tensor.Zeros([1, 2, 4, 4]).Conv2d(Tensor.Zeros([2, 2, 3, 3]), null, stride, padding,
            dilation, groups));
        Assert.StartsWith("Conv2d(F32 [1, 2, 4, 4], F32 [2, 2, 3, 3]): ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_EmptyBatch_IsEmpty() =>
        Assert.Equal<Shape>([0, 3, 4, 4], Tensor.Zeros([0, 2, 4, 4]).Conv2d(Tensor.Zeros([3, 2, 3, 3]), padding: 1).Shape);

    private static Conv2d OpOf(ConvShape shape) => new(shape.Stride, shape.Padding, shape.Dilation, shape.Groups);

    private static (ConvShape Shape, Tensor X, Tensor Weight, Tensor Bias, Tensor Gradient) Inputs(int number)
    {
        var s = Cases[number];
        return (s, Numbers.Random([s.Batch, s.Channels, s.Height, s.Width], 1, 1), Numbers.Random([s.Outputs, s.GroupChannels,
            s.KernelHeight, s.KernelWidth], 2, 1),
            Numbers.Random([s.Outputs], 3, 1), Numbers.Random([s.Batch, s.Outputs, s.OutHeight, s.OutWidth], 4, 1));
    }
}
