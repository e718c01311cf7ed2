using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class CalibrationInputsTests
{
    [Fact]
    public void OfTexts_ShortAndLong_ArePiecesOfOneLengthEndToEnd()
    {
        var inputs = CalibrationInputs.OfTexts([[1, 2], [3, 4, 5], [6, 7, 8, 9]], 3, count: 2, "a.txt");
        Assert.Equal([[1, 2, 3], [4, 5, 6]], inputs.Select(input => Assert.Single(input).ToArray<long>()));
        Assert.All(inputs, input => Assert.Equal([1, 3], input[0].Shape));
    }

    [Fact]
    public void OfTexts_LessThanAnInput_NamesTheSource() => Assert.Contains("a.txt has less than the 4 tokens of one input",
        Assert.Throws<PruningException>(() => CalibrationInputs.OfTexts([[1, 2], [3]], 4, count: 2, "a.txt")).Message, StringComparison.Ordinal);

    [Fact]
    public void OfImages_Many_AreWholeBatchesOfAtMostSoMany()
    {
        IEnumerable<Tensor> images = [.. Enumerable.Range(0, 9).Select(i => Tensor.Full([1, 1, 2, 2], i))];
        var inputs = CalibrationInputs.OfImages(images, batch: 3, count: 8, "digits");
        Assert.Equal([0, 3], inputs.Select(input => input[0].ToArray<float>()[0]));
        Assert.All(inputs, input => Assert.Equal([3, 1, 2, 2], Assert.Single(input).Shape));
        Assert.Equal(8, CalibrationInputs.OfImages(images, batch: 1, count: 8, "digits").Count);
    }

    [Fact]
    public void OfImages_LessThanABatch_NamesTheSource() => Assert.Contains("takes 4 images at a time, and digits has fewer",
        Assert.Throws<PruningException>(() => CalibrationInputs.OfImages([Tensor.Zeros([1, 1, 2, 2])], 4, 128, "digits")).Message, StringComparison.Ordinal);
}
