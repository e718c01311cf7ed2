using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Tensors;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Depth;

public sealed class LayerRemovalTests : IDisposable
{
    private static readonly string ResNet20 = TestData.InRepository("samples", "models", "cifar10-resnet", "resnet20-12fca82f.th");

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Apply_TwoBlocks_IsAFileThatOpensAgain()
    {
        var (model, x) = (PretrainedVisionModel.Open(ResNet20, "resnet20"), Floats([2, 3, 32, 32], 3));
        var traced = TracedModel.Of(model);
        var blocks = LayerRemoval.Find(traced.Graph);
        Assert.Equal(["layer1.0", "layer1.1", "layer1.2", "layer2.1", "layer2.2", "layer3.1", "layer3.2"], blocks.Select(block => block.Name));
        var (plan, verification) = LayerRemoval.Apply(traced, [blocks[1], blocks[2], blocks[6]], traced.RandomInputs(1));
        Assert.Equal(0, verification.LargestDifference);
        model.Record(plan);
        model.Save(_folder["short.th"]);
        var reopened = PretrainedVisionModel.Open(_folder["short.th"], "resnet20");
        AssertSameBits(model.Classifier.Forward(x), reopened.Classifier.Forward(x));
        Assert.Equal(["layer1.1", "layer1.2", "layer3.2"], reopened.Plan!.Blocks);
        using var checkpoint = Checkpoint.Open(_folder["short.th"]);
        Assert.DoesNotContain(checkpoint.Tensors, tensor => plan.LeavesOut(tensor.Name["module.".Length..]));
        Assert.Contains(checkpoint.Tensors, tensor => tensor.Name == "module.layer2.2.conv1.weight");
    }

    [Theory]
    [InlineData("resnet18", "layer1.0")]
    [InlineData("resnet50", "layer1.1")]
    [InlineData("mobilenet_v2", "features.3")]
    public void Apply_AllBlocksButOne_Verifies(string name, string first)
    {
        var model = Filled(VisionModels.Find(name)!.Create(10));
        var graph = GraphTracer.Trace(model, new TraceInput("x", Floats([1, 3, 64, 64]), "batch"));
        var (blocks, traced) = (LayerRemoval.Find(graph), new TracedModel(name, model, graph, inputs => model.Forward(inputs[0])));
        Assert.Equal(first, blocks[0].Name);
        LayerRemoval.Apply(traced, [.. blocks.Skip(1)], [Floats([2, 3, 64, 64], 2)]);
        var left = GraphTracer.Trace(model, new TraceInput("x", Floats([1, 3, 64, 64])));
        Assert.Equal(first, Assert.Single(LayerRemoval.Find(left)).Name);
        Assert.Equal(ModelCost.Of(ResidualBlocks.Remove(graph, blocks.Skip(1))).Parameters, ModelCost.Of(left).Parameters);
    }

    /// <summary>Channels cut before and after; the plan beside the file tells both.</summary>
    [Fact]
    public void Apply_BetweenCutsOfChannels_IsPartOfThePlan()
    {
        var (path, x) = (ResNet20, Floats([1, 3, 32, 32], 3));
        PretrainedVisionModel model = null!;
        for (var step = 0; step < 3; step++)
        {
            model = PretrainedVisionModel.Open(path, "resnet20");
            var traced = TracedModel.Of(model);
            if (step == 1)
                model.Record(LayerRemoval.Apply(traced, [LayerRemoval.Find(traced.Graph)[3]], traced.RandomInputs(1)).Plan);
            else
            {
                var dependencies = DependencyGraph.Of(traced.Graph);
                var removal = new GroupPruning { Ratio = 0.25 }.Choose(dependencies, new(new GroupMagnitude(1)));
                model.Record(removal.ToPlan("resnet20"));
                PruningSurgeon.Apply(dependencies, removal, traced.RandomInputs(1));
            }
            model.Save(path = _folder[$"{step}.th"]);
        }
        var reopened = PretrainedVisionModel.Open(path, "resnet20");
        AssertSameBits(model.Classifier.Forward(x), reopened.Classifier.Forward(x));
        Assert.Equal(["layer2.1"], reopened.Plan!.Blocks);
        Assert.DoesNotContain(reopened.Plan.Tensors, tensor => tensor.Name.StartsWith("layer2.1.", StringComparison.Ordinal));
        Assert.DoesNotContain(reopened.Classifier.StateDict().Keys, name => name.StartsWith("layer2.1.", StringComparison.Ordinal));
    }

    /// <summary>A layer that does more than add is not the same as its sum.</summary>
    [Fact]
    public void Apply_LayerThatDoesMoreThanAdd_IsRefusedAndUndone()
    {
        var model = new Sequential(new Doubling(), new Doubling(), new Doubling());
        Filled(model);
        var (x, names) = (Floats([2, 3], 4), string.Join(" ", model.StateDict().Keys));
        var (before, graph) = (model.Forward(x), GraphTracer.Trace(model, new TraceInput("x", x)));
        var traced = new TracedModel("doubling", model, graph, inputs => model.Forward(inputs[0]));
        var blocks = LayerRemoval.Find(graph);
        Assert.Equal(["0", "1", "2"], blocks.Select(block => block.Name));
        Assert.Throws<VerificationException>(() => LayerRemoval.Apply(traced, [blocks[0], blocks[1]], [x]));
        AssertSameBits(before, model.Forward(x));
        Assert.Equal(names, string.Join(" ", model.StateDict().Keys));
    }

    [Theory]
    [InlineData("layer1.7")]
    [InlineData("layer1.0.conv1")]
    [InlineData("conv1")]
    public void Apply_PlanOfALayerThatIsNotThere_NamesItAndLeavesTheModel(string layer)
    {
        var model = VisionModels.Find("resnet20")!.Create(10);
        var plan = new StructuralPlan(StructuralPlan.CurrentVersion, "resnet20", [], [], []) { Blocks = ["layer1.0", layer] };
        Assert.Contains($"'{layer}'", Assert.Throws<StructuralPlanException>(() => plan.Apply(model)).Message, StringComparison.Ordinal);
        Assert.Contains(model.StateDict().Keys, name => name.StartsWith("layer1.0.", StringComparison.Ordinal));
    }

    [Fact]
    public void Plan_WithBlocks_IsJsonThatReadsBack()
    {
        var plan = new StructuralPlan(StructuralPlan.CurrentVersion, "resnet20", [], [], []) { Blocks = ["layer1.0"] };
        Assert.Equal(["layer1.0"], StructuralPlan.Parse(plan.ToJson()).Blocks);
        Assert.DoesNotContain("blocks", System.Text.Encoding.UTF8.GetString((plan with { Blocks = null }).ToJson()), StringComparison.Ordinal);
        Assert.Throws<StructuralPlanException>(() => StructuralPlan.Parse((plan with { Blocks = ["a", "a"] }).ToJson()));
    }

    /// <summary>2 (x + f(x)).</summary>
    private sealed class Doubling : Layer
    {
        private readonly Linear _linear;

        public Doubling() => _linear = Register("linear", new Linear(3, 3));

        protected override Tensor Compute(Tensor input)
        {
            var sum = input.Add(_linear.Forward(input));
            return sum.Add(sum);
        }
    }
}
