using Coppice.Data;
using Coppice.Models.Vision;
using Coppice.Pruning.Criteria;
using Coppice.Tests.Pruning.Callbacks;
using Coppice.Training;

namespace Coppice.Tests.Pruning.Criteria;

public sealed class NormLinkTests
{
    [Fact]
    public void Trace_PlainNetwork_LinksEachNormToItsConvolution()
    {
        var model = SmallNet.Create();
        model.Train();
        var before = SmallNet.State(model);
        var links = NormLink.Trace(SmallNet.Task(model), SmallNet.Data());
        Assert.Equal([("1", "0", null, false), ("4", "3", null, false)],
            links.Select(link => (link.NormName, link.LayerName, link.Obstacle, link.IsOutput)));
        Assert.Equal(before, SmallNet.State(model));
        Assert.True(model.IsTraining);
    }

    [Fact]
    public void Trace_MnistCnn_SeesTheActivationBetweenAndTheClasses()
    {
        var links = Trace(new MnistCnn(10), 1, 28);
        Assert.Equal([("norm1", null, false), ("norm2", "fc2", true)], links.Select(link => (link.NormName, link.LayerName, link.IsOutput)));
        Assert.Contains("alone", links[0].Obstacle, StringComparison.Ordinal);
        Assert.Contains("output", links[1].Obstacle, StringComparison.Ordinal);
    }

    [Fact]
    public void Trace_ResNet_TellsInnerChannelsFromThoseOfTheResidualSum()
    {
        var links = Trace(new CifarResNet(1, 10), 3, 16).ToDictionary(link => link.NormName);
        Assert.Equal(("layer2.0.conv1", null), (links["layer2.0.bn1"].LayerName, links["layer2.0.bn1"].Obstacle));
        Assert.Equal(("layer2.0.conv2", "Add reads them"), (links["layer2.0.bn2"].LayerName, links["layer2.0.bn2"].Obstacle));
        Assert.NotNull(links["bn1"].Obstacle);
        Assert.All(links.Values, link => Assert.False(link.IsOutput));
    }

    [Fact]
    public void Trace_MobileNet_FollowsItsActivationAndNamesDepthwiseConvolutions()
    {
        var links = Trace(new MobileNetV2(4), 3, 32).ToDictionary(link => link.NormName);
        Assert.Equal(("features.18.0", null), (links["features.18.1"].LayerName, links["features.18.1"].Obstacle));
        Assert.Contains("grouped", links["features.0.1"].Obstacle, StringComparison.Ordinal);
    }

    private static IReadOnlyList<NormLink> Trace(ImageClassifier model, int channels, int side)
    {
        var images = new ImageData(new byte[2 * channels * side * side], [0, 1], ["a", "b"], channels, side, side);
        float[] ones = [.. Enumerable.Repeat(1f, channels)];
        return NormLink.Trace(TrainingTask.Of(model), new DataLoader(new ImageTrainingData(images, ones, ones), new() { BatchSize = 2 }));
    }
}
