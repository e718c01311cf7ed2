using Coppice.Pruning;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

public sealed class PerOutputUnstructuredTests
{
    [Fact]
    public void Rows_EachLosesItsSmallest()
    {
        var module = new Holder(Tensor.From<float>([1, 2, 3, 4, 80, 70, 60, 50], [2, 4]));
        new PerOutputUnstructured(0.5).Apply(module, "weight");
        Assert.Equal([0, 0, 1, 1, 1, 1, 0, 0], module.Mask);
        new PerOutputUnstructured(1).Apply(module, "weight");
        Assert.Equal([0, 0, 0, 1, 1, 0, 0, 0], module.Mask);
    }

    [Fact]
    public void Columns_EachLosesItsSmallest()
    {
        var module = new Holder(Tensor.From<float>([1, 8, 2, 7, 3, 6, 4, 5], [4, 2]));
        new PerOutputUnstructured(2, dim: 1).Apply(module, "weight");
        Assert.Equal([0, 1, 0, 1, 1, 0, 1, 0], module.Mask);
    }

    [Fact]
    public void CountAboveWhatAChannelHasLeft_IsRefusedWithTheChannel()
    {
        var module = new Holder(Tensor.From<float>([1, 2, 3, 4], [2, 2]));
        Prune.L1Unstructured(module, "weight", 1);
        var error = Assert.Throws<PruningException>(() => new PerOutputUnstructured(2).Apply(module, "weight"));
        Assert.Contains("the 1 remaining weights of 'weight' of Holder in channel 0", error.Message);
    }
}
