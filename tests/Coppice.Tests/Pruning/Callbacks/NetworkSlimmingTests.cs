using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Tests.Pruning.Callbacks;

public sealed class NetworkSlimmingTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void GradientsReady_BeforePruning_AddsThePenaltysSign()
    {
        var model = SmallNet.Create();
        var scale = model.Find("1").Parameter("weight");
        scale.Data.AsSpan<float>()[0] = -0.5f;
        scale.Data.AsSpan<float>()[1] = 0;
        float[] before = [];
        Act Look(Action<float[]> see) => new(withGradients: trainer => { if (trainer.Step == 0) see(scale.Gradient!.ToArray<float>()); });
        SmallNet.Trainer(model, 3, callbacks:
        [
            Look(gradient => before = gradient), new NetworkSlimming(0.25, 0.5, 2, SmallNet.Data()),
            Look(gradient => Assert.Equal(before.Select((value, i) => value + (i == 0 ? -0.25f : i == 1 ? 0 : 0.25f)), gradient)),
        ]).Run();
        Assert.Equal(6, before.Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_HalfOfTheChannels_MasksTheSmallestScalesForGood(bool adam)
    {
        var model = SmallNet.Create();
        var (slimming, smallest) = (new NetworkSlimming(1e-3, 0.5, 4, SmallNet.Data()), new HashSet<(string, int)>());
        HashSet<(string Norm, int Channel)> Dead() =>
            [.. Scales(model).Where(scale => BitConverter.SingleToInt32Bits(scale.Value) == 0).Select(scale => (scale.Norm, scale.Channel))];
        SmallNet.Trainer(model, 12, adam: adam, callbacks:
        [
            new Act(trainer =>
            {
                if (trainer.Step == 4)
                    smallest = [.. Scales(model).OrderBy(scale => Math.Abs(scale.Value)).Take(7).Select(at => (at.Norm, at.Channel))];
            }),
            slimming,
            new Act(after: trainer =>
            {
                Assert.Equal(trainer.Step < 4 ? [] : smallest, Dead());
                if (trainer.Step >= 4)
                    Assert.All(Dead(), at => Assert.Equal(0, model.Find(at.Norm).Parameter("bias").Value.ToArray<float>()[at.Channel]));
            }),
        ]).Run();
        var (scales, filters) = (model.Find("1").Parameter("weight").Mask!, model.Find("0").Parameter("weight").Value);
        Assert.Equal(scales.ToArray<float>().Select(kept => kept == 0),
            filters.ToArray<float>().Chunk(9).Select(filter => filter.All(value => value == 0)));
        Assert.Equal([("1", "0", 6, null), ("4", "3", 8, (string?)null)],
            slimming.Plan.Norms.Select(norm => (norm.Norm, norm.Layer!, norm.Channels, norm.Obstacle)));
        Assert.Equal(smallest, [.. from norm in slimming.Plan.Norms
                                   from channel in Enumerable.Range(0, norm.Channels).Except(norm.Kept)
                                   select (norm.Norm, channel)]);
    }

    [Fact]
    public void Run_StoppedAfterPruning_ResumesToTheSameBytes()
    {
        var whole = SmallNet.Create();
        Trainer(whole, "whole").Run();
        using var cancellation = new CancellationTokenSource();
        var stop = new Act(trainer => { if (trainer.Step == 5) cancellation.Cancel(); });
        Assert.Throws<OperationCanceledException>(() => Trainer(SmallNet.Create(), "state", stop).Run(cancellation: cancellation.Token));
        var resumed = SmallNet.Create(seed: 9);
        var slimming = Trainer(resumed, "state", new Act());
        slimming.Run();
        Assert.Equal(SmallNet.State(whole), SmallNet.State(resumed));
        Assert.Equal(7, ((NetworkSlimming)slimming.Callbacks[0]).Plan.Norms.Sum(norm => norm.Kept.Count));
    }

    [Fact]
    public void Prune_NearlyAll_KeepsAChannelOfEachNorm()
    {
        var model = SmallNet.Create();
        model.Find("1").Parameter("weight").Data.AsSpan<float>().Fill(0.001f);
        var links = NetworkSlimming.Links(SmallNet.Task(model), SmallNet.Data());
        var error = Assert.Throws<PruningException>(() => NetworkSlimming.Prune(1.0, links));
        Assert.Contains("lower the share", error.Message, StringComparison.Ordinal);
        NetworkSlimming.Prune(0.5, links);
        Assert.Equal([1, 6], ChannelPlan.Of(links).Norms.Select(norm => norm.Kept.Count));
        NetworkSlimming.Prune(0.6, links, leastKept: 0);
        Assert.Equal([0, 6], ChannelPlan.Of(links).Norms.Select(norm => norm.Kept.Count));
    }

    [Fact]
    public void ToRemoval_MaskedChannels_AreCutExactly()
    {
        var model = SmallNet.Create();
        var links = NetworkSlimming.Links(SmallNet.Task(model), SmallNet.Data());
        NetworkSlimming.Prune(0.5, links);
        var image = Tensor.Full([1, 1, 8, 8], 0.5f);
        var before = model.Forward(image).ToArray<float>();
        var dependencies = DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("images", image)));
        var removal = ChannelPlan.Of(links).ToRemoval(dependencies, [image]);
        PruningSurgeon.Apply(dependencies, removal, [image]);
        Assert.Equal(7, Scales(model).Count());
        foreach (var (one, other) in before.Zip(model.Forward(image).ToArray<float>()))
            Assert.Equal(one, other, 1e-5);
    }

    [Theory]
    [InlineData(true, 5)]
    [InlineData(false, 6)]
    public void ToRemoval_ShortcutsChannel_GoesWhereAllSummandsAreMasked(bool isMaskedInBoth, int left)
    {
        var model = new Shortcut();
        SmallNet.Fill(model, 1);
        ChannelPlan plan = new(ChannelPlan.CurrentVersion, [.. new[] { "norm1", "norm2" }.Select((name, i) =>
        {
            var isMasked = i == 0 || isMaskedInBoth;
            if (isMasked)
                model.Find(name).Parameter("weight").Data.AsSpan<float>()[2] = 0;
            return new PlannedChannels(name, null, 6, isMasked ? [0, 1, 3, 4, 5] : [0, 1, 2, 3, 4, 5], null);
        })]);
        var image = Tensor.Full([1, 1, 8, 8], 0.5f);
        var dependencies = DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("images", image)));
        var removal = plan.ToRemoval(dependencies, [image]);
        Assert.Equal(left, removal.KeptOf(dependencies.Groups.Single(group => group.Members.Any(member => member.Value.Name == "norm1.weight"))).Length);
    }

    [Fact]
    public void Prune_LeastKept_IsALimitAsItIsWritten()
    {
        // 0.07 * 100 is 7.00...1 in doubles.
        var model = new Sequential(new Conv2d(1, 100, 1), new BatchNorm2d(100), new Conv2d(100, 2, 1), new Flatten());
        SmallNet.Fill(model, 1);
        var links = NetworkSlimming.Links(SmallNet.Task(model), SmallNet.Data());
        NetworkSlimming.Prune(0.93, links, leastKept: 0.07);
        Assert.Equal(7, ChannelPlan.Of(links).Norms[0].Kept.Count);
    }

    [Fact]
    public void Started_WithoutBatchNormalisation_IsRefusedBeforeAnyStep()
    {
        var model = new Sequential(new Conv2d(1, 2, 3), new Flatten(), new Linear(72, 3));
        var before = SmallNet.State(model);
        AssertRefused("none before its last layer", model, new(1e-4, 0.5, 2, SmallNet.Data()));
        AssertRefused("leave steps", SmallNet.Create(), new(1e-4, 0.5, 3, SmallNet.Data()));
        AssertRefused("penalty", SmallNet.Create(), new(-1, 0.5, 1, SmallNet.Data()));
        Assert.Throws<PruningException>(() => new NetworkSlimming(1, 1.5, 1, SmallNet.Data()));
        Assert.Equal(before, SmallNet.State(model));

        static void AssertRefused(string why, Layer model, NetworkSlimming slimming) => Assert.Contains(
            why, Assert.Throws<PruningException>(() => SmallNet.Trainer(model, 3, callbacks: [slimming]).Run()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_AsJson_ComesBackAndRefusesWhatIsNone()
    {
        var plan = new ChannelPlan(1, [new("bn1", null, 4, [0, 2], "Add reads them"), new("bn2", "conv2", 2, [], null)]);
        var read = ChannelPlan.Parse(plan.ToJson());
        Assert.Equal(plan.ToJson(), read.ToJson());
        Assert.Equal([0, 2], read.Norms[0].Kept);
        Assert.Throws<PruningException>(() => ChannelPlan.Parse("{}"));
        Assert.Throws<PruningException>(() => ChannelPlan.Parse("null"));
        Assert.Throws<PruningException>(() => ChannelPlan.Parse(plan.ToJson().Replace("\"channels\"", "\"chanels\"", StringComparison.Ordinal)));
        var error = Assert.Throws<PruningException>(() => ChannelPlan.Parse((plan with { Version = 2 }).ToJson()));
        Assert.Contains("version 2", error.Message, StringComparison.Ordinal);
    }

    private Trainer Trainer(Layer model, string file, params TrainingCallback[] others) => SmallNet.Trainer(
        model, 8, _folder[file], callbacks: [new NetworkSlimming(1e-3, 0.5, 3, SmallNet.Data()), .. others]);

    private static IEnumerable<(string Norm, int Channel, float Value)> Scales(Module model) =>
        from norm in new[] { "1", "4" }
        from scale in model.Find(norm).Parameter("weight").Value.ToArray<float>().Select((value, channel) => (value, channel))
        select (norm, scale.channel, scale.value);

    /// <summary>The second convolution's output is added to its input.</summary>
    private sealed class Shortcut : Layer
    {
        private readonly Conv2d _conv1;
        private readonly BatchNorm2d _norm1;
        private readonly Conv2d _conv2;
        private readonly BatchNorm2d _norm2;
        private readonly Linear _fc;

        public Shortcut()
        {
            _conv1 = Register("conv1", new Conv2d(1, 6, 3, padding: 1));
            _norm1 = Register("norm1", new BatchNorm2d(6));
            _conv2 = Register("conv2", new Conv2d(6, 6, 3, padding: 1));
            _norm2 = Register("norm2", new BatchNorm2d(6));
            _fc = Register("fc", new Linear(6 * 8 * 8, 3));
        }

        protected override Tensor Compute(Tensor input)
        {
            var x = _norm1.Forward(_conv1.Forward(input));
            return _fc.Forward(x.Add(_norm2.Forward(_conv2.Forward(x))).Reshape(x.Shape[0], -1));
        }
    }
}
