using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Onnx.Operators;

/// <summary>Expected draws are those of numpy.random.RandomState.</summary>
public sealed class RandomNumbersTests
{
    [Fact]
    public void Uniform_WithASeed_IsNumpys() => Assert.Equal(
        [2.1526165787479146f, 3.5598375844802295f, 2.876818462881787f, 3.446930355661882f, 3.9559790239932053f],
        Run("RandomUniform", [], Seed(7), AttributeProto.From("low", 2f), AttributeProto.From("high", 4f), AttributeProto.From("shape", [5L]))
            .ToArray<float>());

    [Fact]
    public void Normal_WithASeed_IsNumpys() => Assert.Equal(
        [4.381051407600712, 0.06812525891833443, 1.0656403273571688, 1.8150325659930155, -0.5778460572514772],
        Run("RandomNormal", [], Seed(7), AttributeProto.From("mean", 1f), AttributeProto.From("scale", 2f), AttributeProto.From("shape", [5L]),
            AttributeProto.From("dtype", (long)TensorDataType.Double)).ToArray<double>(), (a, b) => Math.Abs(a - b) < 1e-12);

    [Theory]
    [InlineData("RandomUniformLike")]
    [InlineData("RandomNormalLike")]
    public void Like_WithoutASeed_HasTheOthersShapeAndTypeAndIsTheSameEachTime(string op)
    {
        var x = Tensor.Zeros([2, 3]).Cast(DType.F64);
        var y = Run(op, [x]);
        Assert.Equal((x.Shape, x.DType), (y.Shape, y.DType));
        Assert.Equal(y.ToArray<double>(), Run(op, [x]).ToArray<double>());
        Assert.Equal(6, y.ToArray<double>().Distinct().Count());
    }

    [Fact]
    public void Bernoulli_OfEachChance_IsOneSoOften()
    {
        Assert.Equal([0f, 1], Run("Bernoulli", [Tensor.From<float>([0, 1], [2])]).ToArray<float>());
        Assert.InRange(Run("Bernoulli", [Tensor.Full([1000], 0.3f)], Seed(1)).ToArray<float>().Sum(), 250, 350);
    }

    [Fact]
    public void Multinomial_OfEachWeight_TakesClassesSoOften()
    {
        var weights = Tensor.From<float>([-1000, 3, -1000, 0, MathF.Log(3), -1000], [2, 3]);
        var classes = Run("Multinomial", [weights], Seed(2), AttributeProto.From("sample_size", 1000L));
        Assert.Equal((DType.I32, [2, 1000]), (classes.DType, classes.Shape));
        var drawn = classes.ToArray<int>().Chunk(1000).ToList();
        Assert.All(drawn[0], index => Assert.Equal(1, index));
        Assert.InRange(drawn[1].Count(index => index == 0), 200, 300);
        Assert.DoesNotContain(2, drawn[1]);
    }

    [Fact]
    public void Dropout_InTraining_KeepsNumpysDrawsFromTheRatioOn()
    {
        var x = Tensor.From<float>([1, 2, 3, 4, 5, 6], [6]);
        var outputs = OneNode.Run("Dropout", [x, Tensor.Full([], 0.5f), Tensor.From<bool>([true], [])], 2, 13, AttributeProto.From("seed", 3L));
        Assert.Equal([2f, 4, 0, 8, 10, 12], outputs[0].ToArray<float>());
        Assert.Equal([true, true, false, true, true, true], outputs[1].ToArray<bool>());
        Assert.Contains("the ratio is 1", Assert.Throws<OnnxException>(() =>
            OneNode.Run("Dropout", [x, Tensor.Full([], 1), Tensor.From<bool>([true], [])], 1, 13)).Message, StringComparison.Ordinal);
    }

    private static Tensor Run(string op, Tensor[] inputs, params AttributeProto[] attributes) => OneNode.Run(op, inputs, 1, 17, attributes)[0];

    private static AttributeProto Seed(float seed) => AttributeProto.From("seed", seed);
}
