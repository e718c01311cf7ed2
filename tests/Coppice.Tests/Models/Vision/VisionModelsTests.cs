using Coppice.Models.Vision;
using Coppice.Tensors;

namespace Coppice.Tests.Models.Vision;

public sealed class VisionModelsTests
{
    /// <summary>Trainable parameters as the authors' implementations count them.</summary>
    [Theory]
    [InlineData("resnet20", 10, 269_722)]
    [InlineData("resnet56", 10, 853_018)]
    [InlineData("vgg16", 10, 14_728_266)]
    [InlineData("resnet18", 1000, 11_689_512)]
    [InlineData("resnet50", 1000, 25_557_032)]
    [InlineData("mobilenet_v2", 1000, 3_504_872)]
    [InlineData("lenet", 10, 61_706)]
    public void Create_EachModel_HasItsParameters(string name, int classes, long count) =>
        Assert.Equal(count, VisionModels.Find(name)!.Create(classes).NamedParameters().Sum(entry => entry.Parameter.Shape.Count));

    [Theory]
    [InlineData("resnet18", "layer2.0.downsample.0.weight", "layer4.1.bn2.num_batches_tracked")]
    [InlineData("resnet50", "layer1.0.downsample.1.running_var", "layer3.5.conv3.weight")]
    [InlineData("mobilenet_v2", "features.1.conv.0.0.weight", "features.2.conv.1.1.bias")]
    [InlineData("mobilenet_v2", "features.18.1.running_mean", "classifier.1.weight")]
    [InlineData("vgg16", "features.0.weight", "features.41.running_mean")]
    public void StateDict_OfAModel_HasItsAuthorsNames(string name, string first, string second)
    {
        var names = VisionModels.Find(name)!.Create(10).StateDict().Keys;
        Assert.Contains(first, names);
        Assert.Contains(second, names);
    }

    [Fact]
    public void Forward_EachModel_GivesAScoreForEachClass()
    {
        foreach (var name in VisionModels.Known.Where(name => name is not ("resnet34" or "resnet50" or "resnet110" or "vgg19")))
        {
            var architecture = VisionModels.Find(name)!;
            var size = architecture.Size == 224 ? 64 : architecture.Size;
            using var scope = new TensorScope();
            var model = architecture.Create(7);
            Assert.Equal<Shape>([2, 7], model.Forward(Tensor.Full([2, architecture.Channels, size, size], 1)).Shape);
            Assert.Equal(7, model.Labels);
            Assert.Contains(architecture.Head + ".weight", model.StateDict().Keys);
        }
    }
}
