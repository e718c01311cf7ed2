using Coppice.Data;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Callbacks;

namespace Coppice.Tests.Pruning.Criteria;

public sealed class ChannelPruningTests
{
    [Theory]
    [InlineData(PruneScope.Global)]
    [InlineData(PruneScope.PerTensor)]
    public void To_RisingShares_MasksExactlyTheRoundedCountOfDeadChannels(PruneScope scope)
    {
        var model = SmallNet.Create();
        var links = NormLink.Trace(SmallNet.Task(model), SmallNet.Data());
        var weights = LiveWeight.Select(model, include: ["0.weight", "3.weight"]);
        foreach (var share in new[] { 0, 0.2, 0.25, 0.5, 0.7 })
        {
            var scores = new ChannelNorm(2).ScoreAll([.. weights.Select(weight => new WeightStatistics(weight))]);
            ChannelPruning.To(share, weights, scores, links, scope);
            var expected = scope == PruneScope.Global ? Rounded(share * 14) : Rounded(share * 6) + Rounded(share * 8);
            Assert.Equal(expected / 14.0, ChannelPruning.Sparsity(weights, links), 1e-12);
            Assert.Equal(expected, DeadOutputs(model, 1) + DeadOutputs(model, 4));
        }
        Assert.Equal(DeadOutputs(model, 1), SmallNet.Zeros(model.Find("1").Parameter("weight")));
        Assert.Equal(DeadOutputs(model, 4), SmallNet.Zeros(model.Find("4").Parameter("weight")));
        Assert.Equal(9 * DeadOutputs(model, 1), SmallNet.Zeros(model.Find("0").Parameter("weight")));
    }

    [Fact]
    public void To_Conv1D_MasksColumnsAndBias()
    {
        var conv = new Conv1D(3, 4);
        SmallNet.Fill(conv, 1);
        var weight = LiveWeight.Select(conv, include: ["weight"]);
        ChannelPruning.To(0.5, weight, [Tensor.From<float>([3, 1, 4, 2], [4])], []);
        Assert.Equal([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0], conv.Parameter("weight").Mask!.ToArray<float>());
        Assert.Equal([1, 0, 1, 0], conv.Parameter("bias").Mask!.ToArray<float>());
    }

    [Fact]
    public void To_AllChannels_IsRefusedUnlessLayersMayVanish()
    {
        var model = SmallNet.Create();
        var weights = LiveWeight.Select(model, include: ["0.weight", "3.weight"]);
        var scores = new ChannelNorm(2).ScoreAll([.. weights.Select(weight => new WeightStatistics(weight))]);
        var error = Assert.Throws<PruningException>(() => ChannelPruning.To(1, weights, scores, []));
        Assert.Contains("only 12", error.Message, StringComparison.Ordinal);
        Assert.Null(weights[0].Parameter.Mask);
        ChannelPruning.To(12 / 14.0, weights, scores, []);
        Assert.Equal([9, 54], weights.Select(weight => (int)weight.Count - SmallNet.Zeros(weight.Parameter)));
        ChannelPruning.To(1, weights, scores, [], keepOne: false);
        Assert.Equal(1, ChannelPruning.Sparsity(weights, []));
    }

    /// <summary>Channels of a layer's output that are zero everywhere.</summary>
    private static int DeadOutputs(Sequential model, int layer)
    {
        Tensor? seen = null;
        using var hook = ((Layer)model.Find($"{layer}")).RegisterForwardHook((_, output) => seen = output);
        using var batch = SmallNet.Data().Batches(0).First();
        model.Forward(((ImageBatch)batch).Images);
        var values = seen!.ToArray<float>();
        var plane = seen.Shape[2] * seen.Shape[3];
        return Enumerable.Range(0, seen.Shape[1]).Count(channel =>
            !values.Where((_, i) => i / plane % seen.Shape[1] == channel).Any(value => value != 0));
    }

    private static int Rounded(double count) => (int)Math.Round(count, MidpointRounding.ToEven);
}
