using System.Text;
using Coppice.Graphs;
using Coppice.Models.Gpt2;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Modules;

public sealed class StructuralPlanTests
{
    [Fact]
    public void Apply_OnAFreshModel_GivesThePrunedModelsBytes()
    {
        var (pruned, plan) = PrunedGpt2(group => [0, group.Size - 1]);
        var fresh = Gpt2();
        StructuralPlan.Parse(plan.ToJson()).Apply(fresh);
        AssertSameBits(pruned.Forward(Ids(2, 5)), fresh.Forward(Ids(2, 5)));
    }

    [Fact]
    public void Apply_OnAResidualNetworkWithPaddedShortcuts_GivesThePrunedModelsBytes()
    {
        var (pruned, plan) = PrunedResNet20();
        Assert.Equal(2, plan.Paddings.Count);
        var fresh = Filled(VisionModels.Find("resnet20")!.Create(10));
        plan.Apply(fresh);
        var images = Floats([2, 3, 32, 32], 4);
        AssertSameBits(pruned.Forward(images), fresh.Forward(images));
    }

    [Fact]
    public void Apply_OnAnotherModel_NamesTheFirstTensorThatDiffersAndChangesNothing()
    {
        var (_, plan) = PrunedGpt2(_ => [0]);
        var other = Filled(new Gpt2LMHeadModel(new(40, Width: 12, Layers: 2, Heads: 3, Inner: 40)));
        var before = other.StateDict().ToDictionary(entry => entry.Key, entry => entry.Value.Shape);
        var error = Assert.Throws<StructuralPlanException>(() => plan.Apply(other));
        Assert.Contains("'transformer.h.0.mlp.c_fc.weight' has shape [12, 40] here, [12, 48] in the plan", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, other.StateDict().ToDictionary(entry => entry.Key, entry => entry.Value.Shape));
    }

    [Fact]
    public void Apply_Twice_IsRefused()
    {
        var (pruned, plan) = PrunedGpt2(_ => [1]);
        Assert.Contains("was applied already", Assert.Throws<StructuralPlanException>(() => plan.Apply(pruned)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Then_OfTwoPlans_DoesBoth()
    {
        var (pruned, first) = PrunedGpt2(_ => [0]);
        var second = Prune(pruned, _ => [1]);
        var both = first.Then(second);
        Assert.Equal([.. Enumerable.Range(0, 48).Except([0, 2])],
            both.Tensors.Single(tensor => tensor.Name == "transformer.h.0.mlp.c_fc.bias").Axes.Single().Kept);
        var fresh = Gpt2();
        both.Apply(fresh);
        AssertSameBits(pruned.Forward(Ids(2, 5)), fresh.Forward(Ids(2, 5)));
        Assert.Throws<StructuralPlanException>(() => second.Then(first));
    }

    [Theory]
    [InlineData("{", "no structural plan")]
    [InlineData("""{"version":2,"model":"m","tensors":[],"paddings":[],"config":[]}""", "version 2")]
    [InlineData("""{"version":1,"model":"m","tensors":[],"paddings":[]}""", "config")]
    [InlineData("""{"version":1,"model":"m","tensors":[{"name":"w","shape":[4],"axes":[{"axis":1,"kept":[0]}]}],"paddings":[],"config":[]}""", "axis 1 of 'w'")]
    [InlineData("""{"version":1,"model":"m","tensors":[{"name":"w","shape":[4],"axes":[{"axis":0,"kept":[2,1]}]}],"paddings":[],"config":[]}""", "ascending")]
    [InlineData("""{"version":1,"model":"m","tensors":[{"name":"w","shape":[4],"axes":[{"axis":0,"kept":[4]}]}],"paddings":[],"config":[]}""", "within")]
    [InlineData("""{"version":1,"model":"m","tensors":[{"name":"w","shape":[4],"axes":[{"axis":0,"kept":[]}]}],"paddings":[],"config":[]}""", "axis 0")]
    public void Parse_OfSomethingElse_SaysWhy(string json, string says) => Assert.Contains(says,
        Assert.Throws<StructuralPlanException>(() => StructuralPlan.Parse(Encoding.UTF8.GetBytes(json))).Message, StringComparison.Ordinal);

    private static (Gpt2LMHeadModel, StructuralPlan) PrunedGpt2(Func<PruningGroup, int[]> indices)
    {
        var model = Gpt2();
        return (model, Prune(model, indices));
    }

    private static StructuralPlan Prune(Gpt2LMHeadModel model, Func<PruningGroup, int[]> indices)
    {
        var dependencies = DependencyGraph.Of(GraphTracer.Trace(model, inputs => model.Forward(inputs[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps")));
        var removal = new Removal(dependencies);
        foreach (var group in dependencies.Groups.Where(group => group.Kind == GroupKind.Neuron))
            removal.Remove(group, indices(group));
        var plan = removal.ToPlan("gpt2");
        PruningSurgeon.Apply(dependencies, removal, [Ids(2, 6)], inputs => model.Forward(inputs[0]));
        return plan;
    }

    private static (ImageClassifier, StructuralPlan) PrunedResNet20()
    {
        var model = Filled(VisionModels.Find("resnet20")!.Create(10));
        var dependencies = DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("x", Floats([1, 3, 32, 32]), "batch")));
        var removal = new Removal(dependencies);
        foreach (var group in dependencies.Groups)
            removal.Remove(group, Enumerable.Range(0, group.Size / 3));
        var plan = removal.ToPlan("resnet20");
        var (_, verification) = PruningSurgeon.Apply(dependencies, removal, [Floats([1, 3, 32, 32], 2)], inputs => model.Forward(inputs[0]));
        Assert.Empty(verification.Normalized);
        return (model, plan);
    }
}
