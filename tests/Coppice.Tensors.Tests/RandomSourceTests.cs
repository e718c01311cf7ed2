namespace Coppice.Tensors.Tests;

public sealed class RandomSourceTests
{
    [Fact]
    public void NextSingle_SeedZero_IsTorchRand()
    {
        var random = new RandomSource(0);
        Assert.Equal([0.49625658988952637f, 0.7682217955589294f, 0.08847743272781372f], [random.NextSingle(), random.NextSingle(), random.NextSingle()]);
    }

    [Fact]
    public void NextSingle_ThousandthOfSeed42_IsTorchRand()
    {
        var random = new RandomSource(42);
        var draws = Enumerable.Range(0, 1000).Select(_ => random.NextSingle()).ToArray();
        Assert.Equal(0.8822692632675171f, draws[0]);
        Assert.Equal(0.02965700626373291f, draws[999]);
    }

    [Fact]
    public void NextDouble_ThousandthOfSeed42_IsTorchRand()
    {
        var random = new RandomSource(42);
        var draws = Enumerable.Range(0, 1000).Select(_ => random.NextDouble()).ToArray();
        Assert.Equal(0.4198258024695729, draws[999]);
    }

    [Fact]
    public void Clone_MidStream_ContinuesTheSame()
    {
        var random = new RandomSource(7);
        for (var i = 0; i < 1000; i++)
            random.NextUInt32();
        var clone = random.Clone();
        var following = Enumerable.Range(0, 700).Select(_ => random.NextUInt32()).ToArray();
        Assert.Equal(following, Enumerable.Range(0, 700).Select(_ => clone.NextUInt32()));
    }
}
