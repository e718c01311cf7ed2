using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class GroupPruningTests
{
    private static readonly GroupImportance Magnitude = new(new GroupMagnitude());

    [Theory]
    [InlineData(GroupScope.PerGroup)]
    [InlineData(GroupScope.Global)]
    public void Choose_HalfTheMacs_LeavesNoMoreAndLittleLess(GroupScope scope)
    {
        var dependencies = ResNet20();
        var options = new GroupPruning { TargetMacs = 0.5, Scope = scope, MaxRatio = 0.9 };
        var removal = options.Choose(dependencies, Magnitude);
        var share = (double)GroupPruning.CostAfter(dependencies, removal).Macs / ModelCost.Of(dependencies.Graph).Macs;
        Assert.InRange(share, 0.45, 0.5);
    }

    [Fact]
    public void CostAfter_IsTheCostOfTheModelOncePruned()
    {
        var dependencies = ResNet20();
        var removal = new GroupPruning { Ratio = 0.3, Scope = GroupScope.Global }.Choose(dependencies, Magnitude);
        var expected = GroupPruning.CostAfter(dependencies, removal);
        var (graph, _) = PruningSurgeon.Apply(dependencies, removal, [Floats([1, 3, 32, 32], 3)]);
        Assert.Equal(expected.Layers, ModelCost.Of(graph).Layers);
        Assert.Equal(dependencies.Graph.State.NamedParameters().Sum(entry => entry.Parameter.Shape.Count), expected.Parameters);
    }

    [Fact]
    public void ModelCost_OfResNet20_IsThePapers()
    {
        var cost = ModelCost.Of(ResNet20().Graph);
        Assert.Equal(269_722, cost.Parameters);
        Assert.Equal(40_551_040, cost.Macs);
        Assert.Equal(432 * 32 * 32, cost.Layers[0].Macs);
    }

    [Fact]
    public void Choose_LowestMagnitude_RemovesTheWeakestChannel()
    {
        var dependencies = ResNet20();
        var group = dependencies.Groups.First(group => group.Kind == GroupKind.Channel);
        foreach (var member in group.Members.Where(member => member.Value.SampleShape.Rank == 4))
        {
            var values = ((ParameterValue)member.Value).Parameter.Data.AsSpan<float>();
            var owners = member.OwnersOf(group);
            var inner = values.Length / member.Value.SampleShape.Take(member.Axis + 1).Aggregate(1, (count, size) => count * size);
            for (var i = 0; i < values.Length; i++)
                values[i] = owners[i / inner % owners.Length] == 5 ? 0.001f : 0.5f;
        }
        var removal = new GroupPruning { Ratio = 1.0 / group.Size, Include = [group.Members[0].Value.Name] }.Choose(dependencies, Magnitude);
        Assert.Equal([.. Enumerable.Range(0, group.Size).Except([5])], removal.KeptOf(group));
    }

    [Theory]
    [InlineData(GroupScope.PerGroup)]
    [InlineData(GroupScope.Isomorphic)]
    [InlineData(GroupScope.Global)]
    public void Choose_RatioThatLeavesNothing_NamesTheGroup(GroupScope scope)
    {
        var dependencies = ResNet20();
        var message = Assert.Throws<PruningException>(() => new GroupPruning { Ratio = 0.99, Scope = scope }.Choose(dependencies, Magnitude)).Message;
        Assert.Contains("would leave nothing of group 0: 16 of conv1.weight[0]", message, StringComparison.Ordinal);
        var removal = new GroupPruning { Ratio = 1, MaxRatio = 0.999, Scope = scope }.Choose(dependencies, Magnitude);
        Assert.All(dependencies.Groups.Where(group => group.Kind == GroupKind.Channel), group => Assert.Single(removal.KeptOf(group)));
    }

    [Theory]
    [InlineData(0.58, 1)]
    [InlineData(0.58, 0.58)] // 0.58 * 100 is 57.99... in doubles
    [InlineData(1, 0.58)]
    public void Choose_MaxRatio_IsALimitAsItIsWritten(double ratio, double most)
    {
        var builder = new GraphBuilder();
        var first = builder.Parameter("first.weight", new(Floats([100, 4])));
        var second = builder.Parameter("second.weight", new(Floats([3, 100])));
        var hidden = builder.Apply(new Coppice.Tensors.Ops.Linear(), [builder.Input("x", DType.F32, 2, 4), first])[0];
        builder.Output("y", builder.Apply(new Coppice.Tensors.Ops.Linear(), [hidden, second])[0]);
        var dependencies = DependencyGraph.Of(builder.Build());
        var removal = new GroupPruning { Ratio = ratio, MaxRatio = most }.Choose(dependencies, Magnitude);
        Assert.Equal(42, removal.KeptOf(Assert.Single(dependencies.Groups)).Length);
    }

    [Fact]
    public void Choose_GraphWithoutGroups_SaysWhatPinsItsAxes()
    {
        var builder = new GraphBuilder();
        var x = builder.Input("x", DType.F32, 2, 4);
        var weight = builder.Parameter("fc.weight", new(Floats([3, 4])));
        builder.Output("y", builder.Apply(new Coppice.Tensors.Ops.Linear(), [x, weight])[0]);
        var message = Assert.Throws<PruningException>(() => new GroupPruning { Ratio = 0.5 }.Choose(DependencyGraph.Of(builder.Build()), Magnitude)).Message;
        Assert.Contains("Nothing of the model can be pruned: fc.weight[0]: output 'y'", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Choose_Isomorphic_RanksEqualPlacesTogether()
    {
        var dependencies = ResNet20();
        Assert.Equal(First("layer1.0.conv1.weight").Pattern, First("layer1.1.conv1.weight").Pattern);
        Assert.NotEqual(First("layer1.0.conv1.weight").Pattern, First("conv1.weight").Pattern);
        foreach (ref var value in dependencies.Graph.State.Find("layer1.0.conv1").Parameter("weight").Data.AsSpan<float>())
            value *= 100;
        var importance = new GroupImportance(new GroupMagnitude(), Normalizer: ScoreNormalizer.None);
        var removal = new GroupPruning { Ratio = 0.4, Scope = GroupScope.Isomorphic, Include = ["layer1.*.conv1.weight"] }.Choose(dependencies, importance);
        Assert.Equal(16, removal.KeptOf(First("layer1.0.conv1.weight")).Length);
        Assert.True(removal.KeptOf(First("layer1.1.conv1.weight")).Length < 16);

        PruningGroup First(string name) => dependencies.Groups.First(group => group.Members.Any(member => member.Value.Name == name && member.Axis == 0));
    }

    [Fact]
    public void Choose_RankedTogether_LeavesOthersTheirOwnRatio()
    {
        var dependencies = ResNet20();
        var removal = new GroupPruning { Ratio = 0.5, RankedTogether = ["layer1.*.conv1.weight"] }.Choose(dependencies, Magnitude);
        var ranked = dependencies.Groups.Where(group => group.Members.Any(member =>
            member.Value.Name.StartsWith("layer1.", StringComparison.Ordinal) && member.Value.Name.EndsWith("conv1.weight", StringComparison.Ordinal)
            && member.Axis == 0)).ToList();
        var others = dependencies.Groups.Where(group => group.Members.All(member => !NameGlobMatches(member.Value.Name)));
        Assert.All(others, group => Assert.Equal(group.Size / 2, removal.KeptOf(group).Length));
        Assert.NotEqual([8, 8, 8], ranked.Select(group => removal.KeptOf(group).Length));

        static bool NameGlobMatches(string name) =>
            name.StartsWith("layer1.", StringComparison.Ordinal) && name.EndsWith("conv1.weight", StringComparison.Ordinal);
    }

    [Fact]
    public void Choose_ABudget_IsTheLargestModelWithin()
    {
        var dependencies = ResNet20();
        double Channels(Removal removal) => dependencies.Groups.Sum(group => removal.KeptOf(group).Length);
        var all = Channels(new(dependencies));
        var removal = new GroupPruning { Budget = new(all - 10, "channels", Channels), Scope = GroupScope.Global }.Choose(dependencies, Magnitude);
        Assert.Equal(all - 10, Channels(removal));
        Assert.Contains("0.5 channels is out of reach", Assert.Throws<PruningException>(() =>
            new GroupPruning { Budget = new(0.5, "channels", Channels) }.Choose(dependencies, Magnitude)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.3, 4, 12)]
    [InlineData(0.3, 8, 16)]
    [InlineData(0.5, 1, 8)]
    public void Choose_RoundTo_LeavesMultiples(double ratio, int multiple, int left)
    {
        var dependencies = ResNet20();
        var first = dependencies.Groups.First(group => group.Size == 16);
        Assert.Equal(left, new GroupPruning { Ratio = ratio, RoundTo = multiple }.Choose(dependencies, Magnitude).KeptOf(first).Length);
    }

    [Fact]
    public void Choose_ByGlobs_LeavesOthersAlone()
    {
        var dependencies = ResNet20();
        var removal = new GroupPruning { Ratio = 0.5, Exclude = ["layer2.*"], OwnRatios = [new("layer3.1.conv1.weight", 0.25)] }
            .Choose(dependencies, Magnitude);
        foreach (var group in dependencies.Groups.Where(group => group.Kind == GroupKind.Channel))
            Assert.Equal(group.Members.Any(member => member.Value.Name.StartsWith("layer2.", StringComparison.Ordinal)) ? group.Size
                : group.Members.Any(member => member.Value.Name == "layer3.1.conv1.weight") ? group.Size * 3 / 4 : group.Size / 2,
                removal.KeptOf(group).Length);
    }

    [Fact]
    public void Choose_AgainAfterPruning_CountsFromTheOriginalWidths()
    {
        var model = Filled(VisionModels.Find("resnet20")!.Create(10));
        var dependencies = Traced(model);
        var removal = new GroupPruning { Ratio = 0.25 }.Choose(dependencies, Magnitude);
        var plan = removal.ToPlan("resnet20");
        PruningSurgeon.Apply(dependencies, removal, [Floats([1, 3, 32, 32], 3)]);
        var again = Traced(model);
        var second = new GroupPruning { Ratio = 0.5, Before = plan }.Choose(again, Magnitude);
        Assert.Equal(dependencies.Groups.Where(group => group.Kind == GroupKind.Channel && group.Size > 1).Select(group => group.Size / 2),
            again.Groups.Where(group => group.Kind == GroupKind.Channel).Select(group => second.KeptOf(group).Length));
    }

    [Fact]
    public void Choose_BatchNormScale_FollowsGamma()
    {
        var dependencies = ResNet20();
        var group = dependencies.Groups.First(group => group.Members.Any(member => member.Value.Name == "layer1.0.bn1.weight"));
        var gamma = dependencies.Graph.State.Find("layer1.0.bn1").Parameter("weight").Data.AsSpan<float>();
        gamma.Fill(1);
        (gamma[3], gamma[7]) = (0.1f, -0.2f);
        var removal = new GroupPruning { Ratio = 2.0 / 16, Include = ["layer1.0.bn1.weight"] }.Choose(dependencies, new(new GroupBatchNormScale()));
        Assert.Equal([.. Enumerable.Range(0, 16).Except([3, 7])], removal.KeptOf(group));
    }

    [Fact]
    public void Score_ByEachReductionAndNormalizer_IsItsFormula()
    {
        var group = ResNet20().Groups.First(group => group.Kind == GroupKind.Channel);
        double[] of(MemberReduction reduction, ScoreNormalizer normalizer = ScoreNormalizer.None) =>
            new GroupImportance(new GroupMagnitude(2), reduction, normalizer).Score(group)!;
        double[][] members = [.. group.Members.Select(member => new GroupMagnitude(2).Score(group, member)).OfType<double[]>()];
        Assert.Equal(members.Sum(member => member[1]), of(MemberReduction.Sum)[1], 1e-9);
        Assert.Equal(members.Average(member => member[1]), of(MemberReduction.Mean)[1], 1e-9);
        Assert.Equal(members.Max(member => member[1]), of(MemberReduction.Max)[1]);
        Assert.Equal(members[0], of(MemberReduction.First));
        Assert.Equal(1, of(MemberReduction.Sum, ScoreNormalizer.Max).Max(), 1e-12);
        Assert.Equal(1, of(MemberReduction.Sum, ScoreNormalizer.Mean).Average(), 1e-12);
        Assert.Equal(1, of(MemberReduction.Sum, ScoreNormalizer.Lamp).Max(), 1e-12);
    }

    [Fact]
    public void Score_ByGeometricMedian_IsTheSumOfDistances()
    {
        var group = ResNet20().Groups.First(group => group.Kind == GroupKind.Channel);
        var member = group.Members[0];
        var filters = ((ParameterValue)member.Value).Tensor.ToArray<float>().Chunk(27).ToArray();
        var expected = filters.Sum(other => Math.Sqrt(filters[2].Zip(other, (a, b) => ((double)a - b) * (a - b)).Sum()));
        Assert.Equal("conv1.weight", member.Value.Name);
        Assert.Equal(expected, new GroupGeometricMedian().Score(group, member)![2], 1e-4);
    }

    [Fact]
    public void Choose_Random_IsTheSameForTheSameSeed()
    {
        var dependencies = ResNet20();
        int[] kept(long seed) => new GroupPruning { Ratio = 0.5 }.Choose(dependencies, new(new GroupRandom(seed))).KeptOf(dependencies.Groups[0]);
        Assert.Equal(kept(1), kept(1));
        Assert.NotEqual(kept(1), kept(2));
    }

    [Fact]
    public void Choose_ByTaylor_NeedsGradients()
    {
        var model = Filled(VisionModels.Find("resnet20")!.Create(10));
        var dependencies = Traced(model);
        var taylor = new GroupImportance(new GroupTaylor());
        Assert.Contains("has no gradient", Assert.Throws<PruningException>(() => new GroupPruning { Ratio = 0.5 }.Choose(dependencies, taylor)).Message,
            StringComparison.Ordinal);
        using (var tape = new Coppice.Tensors.Autograd.Tape())
            tape.Backward(model.Forward(Floats([2, 3, 32, 32])).CrossEntropy(Tensor.From<long>([1, 2], [2])));
        Assert.Equal(8, new GroupPruning { Ratio = 0.5 }.Choose(dependencies, taylor).KeptOf(dependencies.Groups.First(group => group.Size == 16)).Length);
    }

    [Fact]
    public void Choose_WhatCantBe_SaysWhy()
    {
        var dependencies = ResNet20();
        Throws("1.5 is no share", new() { Ratio = 1.5 });
        Throws("Give one of", new());
        Throws("Give one of", new() { Ratio = 0.5, TargetMacs = 0.5 });
        Throws("matches nothing", new() { Ratio = 0.5, Include = ["layer9.*"] });
        Throws("No group is in scope", new() { Ratio = 0.5, Kinds = [GroupKind.Head] });
        Throws("out of reach", new() { TargetMacs = 0.5, MaxRatio = 0.1 });
        Throws("multiples of 0", new() { Ratio = 0.5, RoundTo = 0 });
        Throws("A ratio of 1 would leave nothing", new() { Ratio = 1 });
        Throws("The target of 1E-06 ms is out of reach: with all removed that may be, 0.02 are", new() { Budget = new(1e-6, "ms", _ => 0.02) });

        void Throws(string says, GroupPruning options) =>
            Assert.Contains(says, Assert.Throws<PruningException>(() => options.Choose(dependencies, Magnitude)).Message, StringComparison.Ordinal);
    }

    private static DependencyGraph ResNet20() => Traced(Filled(VisionModels.Find("resnet20")!.Create(10)));

    private static DependencyGraph Traced(ImageClassifier model) =>
        DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("x", Floats([1, 3, 32, 32]))));
}
