using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Modules;

public sealed class InitializationTests
{
    [Fact]
    public void KaimingUniform_ConvolutionsAndLinears_FillTheirBound()
    {
        var model = new LeNet(10);
        Initialization.KaimingUniform(model, new RandomSource(1));
        foreach (var (name, bound) in new[] { ("conv2", 1 / Math.Sqrt(6 * 25)), ("fc1", 1 / Math.Sqrt(400)) })
        {
            var weights = model.Find(name).Parameter("weight").Value.ToArray<float>();
            Assert.All(weights, weight => Assert.InRange(weight, -bound, bound));
            Assert.InRange(weights.Max(), 0.95 * bound, bound);
            Assert.InRange(weights.Average(), -0.1 * bound, 0.1 * bound);
            Assert.Contains(model.Find(name).Parameter("bias").Value.ToArray<float>(), bias => bias != 0);
        }
    }

    [Fact]
    public void KaimingUniform_SameSeed_GivesTheSameWeights()
    {
        Assert.Equal(Weights(3), Weights(3));
        Assert.NotEqual(Weights(3), Weights(4));

        static float[] Weights(int seed)
        {
            var layer = new Linear(4, 4);
            Initialization.KaimingUniform(layer, new RandomSource(seed));
            return layer.Parameter("weight").Value.ToArray<float>();
        }
    }
}
