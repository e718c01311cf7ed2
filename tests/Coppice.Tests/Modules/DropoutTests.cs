using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Modules;

public sealed class DropoutTests
{
    private static readonly Tensor Ones = Tensor.Full([50, 200], 1);

    [Fact]
    public void Forward_InEvaluation_IsTheInput()
    {
        var random = new RandomSource(1);
        Assert.Same(Ones, new Dropout(0.5, random).Forward(Ones));
        Assert.Equal(new RandomSource(1).NextUInt32(), random.NextUInt32());
    }

    [Fact]
    public void Forward_InTraining_DropsTheShareAndScalesTheRest()
    {
        var layer = InTraining(0.2, 1);
        var output = layer.Forward(Ones).ToArray<float>();
        Assert.Equal([0, 1.25f], output.Distinct().Order());
        Assert.InRange(output.Count(value => value == 0), 1850, 2150);
        Assert.NotEqual(output, layer.Forward(Ones).ToArray<float>());
    }

    [Fact]
    public void Forward_FromOneSeed_DropsTheSame() =>
        Assert.Equal(InTraining(0.5, 7).Forward(Ones).ToArray<float>(), InTraining(0.5, 7).Forward(Ones).ToArray<float>());

    [Fact]
    public void Forward_OfAllOrNothing_IsZeroOrTheInput()
    {
        Assert.All(InTraining(1, 1).Forward(Ones).ToArray<float>(), value => Assert.Equal(0, value));
        Assert.Same(Ones, InTraining(0, 1).Forward(Ones));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void Probability_OutOfRange_IsRefused(double p) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Dropout(p, new RandomSource(1)));

    private static Dropout InTraining(double p, int seed)
    {
        var layer = new Dropout(p, new RandomSource(seed));
        layer.Train();
        return layer;
    }
}
