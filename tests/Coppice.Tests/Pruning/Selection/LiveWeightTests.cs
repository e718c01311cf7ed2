using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Masks;
using Coppice.Pruning.Selection;
using Coppice.Tests.Pruning.Callbacks;

namespace Coppice.Tests.Pruning.Selection;

public sealed class LiveWeightTests
{
    [Fact]
    public void Select_VisionModel_LeavesOutHeadAndNormsUnlessAsked()
    {
        var model = new CifarResNet(1, 10);
        var weights = LiveWeight.Select(model);
        Assert.Equal(7, weights.Count);
        Assert.All(weights, weight => Assert.Contains("conv", weight.FullName, StringComparison.Ordinal));
        Prune.L1Unstructured(weights[0].Module, "weight", 0.5);
        var all = LiveWeight.Select(model, include: ["*conv*.weight", "*linear.weight"]);
        Assert.Equal([.. weights.Select(weight => weight.Parameter), model.Find("linear").Parameter("weight")],
            all.Select(weight => weight.Parameter));
        Assert.Equal(("conv1.weight", 16, 0), (all[0].FullName, all[0].Outputs, all[0].OutputAxis));
    }

    [Fact]
    public void Select_Conv1DAndTiedWeights_KeepsOrientationAndCountsOnce()
    {
        var shared = new Linear(4, 4);
        var holder = new Pruning.Masks.Holder();
        holder.AddChild("a", shared);
        holder.AddChild("b", new Linear(shared.Parameter("weight")));
        holder.AddChild("c", new Conv1D(3, 5));
        var weights = LiveWeight.Select(holder);
        Assert.Equal([("a.weight", 4), ("c.weight", 5)], weights.Select(weight => (weight.FullName, weight.Outputs)));
        Assert.Equal(1, weights[1].OutputAxis);
    }

    [Fact]
    public void Select_Nothing_NamesWhatThereIs()
    {
        var error = Assert.Throws<PruningException>(() => LiveWeight.Select(new BatchNorm2d(3)));
        Assert.Contains("'weight'", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<PruningException>(() => LiveWeight.Select(SmallNet.Create(), include: ["*.wieght"]));
        Assert.Contains("nearest", error.Message, StringComparison.Ordinal);
    }
}
