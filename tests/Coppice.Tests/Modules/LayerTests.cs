using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Modules;

public sealed class LayerTests
{
    [Fact]
    public void PreHooks_OfALayer_RunInOrderUntilRemoved()
    {
        var layer = new Activation("relu");
        var input = Tensor.From<float>([-1, 2], [2]);
        using (layer.RegisterForwardPreHook((_, x) => x.Multiply(Tensor.Full([1], -1))))
        using (layer.RegisterForwardPreHook((at, x) => ReferenceEquals(at, layer) ? x.Add(Tensor.Full([1], 3)) : x))
            Assert.Equal([4, 1], layer.Forward(input).ToArray<float>());
        Assert.Equal([0, 2], layer.Forward(input).ToArray<float>());
    }

    [Fact]
    public void Hooks_OfALayer_ReplaceItsOutputUntilRemoved()
    {
        var layer = new Activation("relu");
        var input = Tensor.From<float>([-1, 2], [2]);
        using (layer.RegisterForwardHook((_, y) => y.Multiply(Tensor.Full([1], -1))))
        using (layer.RegisterForwardHook((at, y) => ReferenceEquals(at, layer) ? y.Add(Tensor.Full([1], 3)) : y))
            Assert.Equal([3, 1], layer.Forward(input).ToArray<float>());
        Assert.Equal([0, 2], layer.Forward(input).ToArray<float>());
    }

    [Fact]
    public void Activation_OfAnUnknownName_ListsTheKnown() =>
        Assert.Contains("gelu_new", Assert.Throws<NotSupportedException>(() => new Activation("magic")).Message, StringComparison.Ordinal);

    [Fact]
    public void LinearAndConv1D_WithTransposedWeights_ComputeTheSame()
    {
        var (linear, conv) = (new Linear(3, 2), new Conv1D(3, 2));
        linear.Parameter("weight").Replace(Tensor.From<float>([1, 2, 3, 4, 5, 6], [2, 3]));
        conv.Parameter("weight").Replace(Tensor.From<float>([1, 4, 2, 5, 3, 6], [3, 2]));
        linear.Parameter("bias").Replace(Tensor.From<float>([10, 20], [2]));
        conv.Parameter("bias").Replace(Tensor.From<float>([10, 20], [2]));
        var input = Tensor.From<float>([1, -1, 2], [1, 3]);
        Assert.Equal([15, 31], linear.Forward(input).ToArray<float>());
        Assert.Equal([15, 31], conv.Forward(input).ToArray<float>());
        Assert.Equal((3, 2, 3, 2), (linear.InFeatures, linear.OutFeatures, conv.InFeatures, conv.OutFeatures));
    }

    [Fact]
    public void Mask_OfAParameter_FollowsLaterWrites()
    {
        var parameter = new Parameter(Tensor.From<float>([1, 2], [2]));
        parameter.SetMask(Tensor.From<float>([0, 1], [2]));
        Assert.Equal([0, 2], parameter.Value.ToArray<float>());
        parameter.Data.AsSpan<float>()[1] = 5;
        Assert.Equal([0, 5], parameter.Value.ToArray<float>());
        Assert.Throws<ArgumentException>(() => parameter.SetMask(Tensor.Zeros([3])));
        Assert.Throws<ArgumentException>(() => parameter.Replace(Tensor.Zeros([3])));
        parameter.MakeMaskPermanent();
        Assert.Null(parameter.Mask);
        Assert.Equal([0, 5], parameter.Data.ToArray<float>());
    }
}
