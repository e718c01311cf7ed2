using Coppice.Tensors.Kernels;
using Coppice.Tensors.Kernels.Reference;
using Coppice.Tensors.Ops;
using Coppice.Tensors.Tests.Kernels;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
[Collection(nameof(WorkersTests))]
public sealed class FusedConv2dTests
{
    /// <summary>Of sums of up to 1,170 products of numbers up to 1.</summary>
    private const double Rounding = 2e-5;

    /// <summary>B, C, H, W, O, kh, kw, stride, padding, dilation, groups: each way in which sums reach the output.</summary>
    private static readonly ConvShape[] Cases =
    [
        new(1, 9, 16, 16, 17, 1, 1, 1, 0, 1, 1), // panels read where they lie
        new(1, 20, 14, 14, 30, 1, 1, 1, 0, 1, 1), // and a last one of 4 pixels
        new(3, 40, 7, 7, 18, 1, 1, 1, 0, 1, 1), // across images
        new(2, 6, 11, 10, 4, 1, 1, 2, 0, 1, 1),
        new(1, 130, 7, 7, 30, 3, 3, 1, 1, 1, 1), // two passes over rows of 7
        new(5, 4, 30, 28, 20, 3, 3, 2, 1, 1, 1),
        new(8, 16, 8, 8, 40, 3, 3, 2, 1, 1, 2),
        new(1, 64, 7, 7, 32, 1, 1, 1, 0, 1, 1), // outputs in registers: a whole panel
        new(3, 115, 14, 14, 60, 3, 3, 2, 1, 1, 1), // a panel and a half, two passes, strips across images
        new(2, 128, 5, 3, 62, 1, 1, 1, 0, 1, 2), // groups, images shorter than a register
        new(11, 72, 1, 1, 30, 1, 1, 1, 0, 1, 1), // of one pixel
        new(2, 17, 16, 32, 18, 3, 3, 1, 1, 1, 1), // Winograd
        new(3, 16, 8, 8, 16, 3, 3, 1, 1, 1, 1),
        new(2, 5, 14, 14, 5, 3, 3, 1, 1, 1, 5), // depthwise: narrow, in fours, and what is left of them
        new(2, 5, 7, 7, 5, 5, 5, 1, 2, 1, 5),
        new(1, 3, 11, 19, 3, 3, 3, 1, 1, 1, 3),
        new(1, 3, 22, 38, 3, 3, 3, 2, 1, 1, 3),
        new(1, 3, 20, 40, 3, 5, 5, 1, 2, 1, 3),
        new(3, 4, 1, 1, 4, 3, 3, 1, 1, 1, 4), // of one pixel, where rows and columns are all outside
        new(2, 4, 9, 1, 4, 3, 3, 2, 1, 1, 4),
        new(2, 4, 8, 33, 4, 3, 3, 2, 1, 1, 4), // a register and one
    ];

    public static TheoryData<int> Numbered => [.. Enumerable.Range(0, Cases.Length)];

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Forward_EachShape_IsTheOpsApart(int number)
    {
        var (shape, x, weight, bias, addend) = Inputs(number);
        var sums = ConvReference.Forward(shape, x.ToArray<float>(), weight.ToArray<float>(), bias.ToArray<float>());
        var added = sums.Zip(addend.ToArray<float>(), (sum, more) => sum + more).ToArray();
        var op = OpOf(shape);
        Numbers.Close(Limited(sums, 0, double.PositiveInfinity), Op.ApplySingle(op, x, weight, bias).ToArray<float>(), Rounding);
        var limited = Op.ApplySingle(op with { Minimum = -0.5f, Maximum = 1 }, x, weight, bias, addend);
        Numbers.Close(Limited(added, -0.5, 1), limited.ToArray<float>(), Rounding);
    }

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Forward_OneAndThreeThreads_GiveTheSameBytes(int number)
    {
        var (shape, x, weight, bias, addend) = Inputs(number);
        float[] Compute() => Op.ApplySingle(OpOf(shape), x, weight, bias, addend).ToArray<float>();
        Assert.Equal(Threads.On(1, Compute), Threads.On(3, Compute));
    }

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Forward_NotANumber_Stays(int number)
    {
        var (shape, x, weight, bias, _) = Inputs(number);
        bias.AsSpan<float>()[0] = float.NaN;
        var y = Op.ApplySingle(OpOf(shape), x, weight, bias);
        Assert.All(y.Narrow(1, 0, 1).ToArray<float>(), value => Assert.True(float.IsNaN(value)));
        Assert.All(y.Narrow(1, 1, shape.Outputs - 1).ToArray<float>(), value => Assert.True(value >= 0));
    }

    [Fact]
    public void Infer_AddendOfAnotherShape_SaysWhichIsExpected()
    {
        var error = Assert.Throws<OpException>(() => Op.ApplySingle(new FusedConv2d(new Conv2d(), 0, 1), Tensor.Zeros([1, 2, 4, 4]),
            Tensor.Zeros([3, 2, 1, 1]), Tensor.Zeros([3]), Tensor.Zeros([1, 3, 4, 1])));
        Assert.Contains("the addend must be F32 [1, 3, 4, 4]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Infer_LimitsTheWrongWayRound_Throws() =>
        Assert.Throws<OpException>(() => Op.ApplySingle(new FusedConv2d(new Conv2d(), 1, 0), Tensor.Zeros([1, 2, 4, 4]),
            Tensor.Zeros([3, 2, 1, 1]), Tensor.Zeros([3])));

    private static double[] Limited(IEnumerable<double> values, double minimum, double maximum) =>
        [.. values.Select(value => Math.Clamp(value, minimum, maximum))];

    private static FusedConv2d OpOf(ConvShape shape) =>
        new(new Conv2d(shape.Stride, shape.Padding, shape.Dilation, shape.Groups), 0, float.PositiveInfinity);

    private static (ConvShape Shape, Tensor X, Tensor Weight, Tensor Bias, Tensor Addend) Inputs(int number)
    {
        var s = Cases[number];
        return (s, Numbers.Random([s.Batch, s.Channels, s.Height, s.Width], 1, 1),
            Numbers.Random([s.Outputs, s.GroupChannels, s.KernelHeight, s.KernelWidth], 2, 1),
            Numbers.Random([s.Outputs], 3, 1), Numbers.Random([s.Batch, s.Outputs, s.OutHeight, s.OutWidth], 4, 1));
    }
}
