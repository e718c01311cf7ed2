using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class PlannedRemovalTests
{
    private static readonly int[] Gone = [1, 4];

    [Fact]
    public void Of_PlanOfARemoval_IsThatRemoval()
    {
        var (dependencies, plan) = (Layers(5, 6, 3), PlanOf(Layers(5, 6, 3)));
        var removal = Removal.Of(dependencies, plan);
        Assert.Equal([0, 2, 3, 5], removal.KeptOf(Assert.Single(dependencies.Groups)));
        Assert.Equal(plan.ToJson(), removal.ToPlan("net").ToJson());
    }

    [Theory]
    [InlineData("'0.weight' has shape [7, 5] here, [6, 5] in the plan", 5, 7, 3)]
    [InlineData("'0.weight' has shape [6, 4] here", 4, 6, 3)]
    [InlineData("'1.weight' has shape [2, 6] here, [3, 6] in the plan", 5, 6, 2)]
    public void Of_PlanOfAnotherModel_NamesTheFirstTensorThatDiffers(string says, int inputs, int hidden, int outputs) =>
        Assert.Contains(says, Refused(Layers(inputs, hidden, outputs), PlanOf(Layers(5, 6, 3))), StringComparison.Ordinal);

    [Fact]
    public void Of_PlanOfTensorsThatAreNotThere_NamesTheFirst() =>
        Assert.Contains("it cuts '0.bias', which this one has not", Refused(
            DependencyGraph.Of(Traced(new Sequential(new Linear(5, 6, bias: false), new Linear(6, 3)))), PlanOf(Layers(5, 6, 3))),
            StringComparison.Ordinal);

    [Fact]
    public void Of_PlanThatLeavesWhatDependsOnItWhole_NamesTheTensor()
    {
        var plan = PlanOf(Layers(5, 6, 3));
        var torn = plan with { Tensors = [.. plan.Tensors.Where(tensor => tensor.Name != "1.weight")] };
        Assert.Contains("what it leaves of '1.weight' does not go with", Refused(Layers(5, 6, 3), torn), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_PlanThatCutsWhatIsPinned_NamesTheTensor()
    {
        var plan = PlanOf(Layers(5, 6, 3));
        var pinned = plan with { Tensors = [new("0.weight", [6, 5], [new(1, [0, 1])])] };
        Assert.Contains("'0.weight' does not go with", Refused(Layers(5, 6, 3), pinned), StringComparison.Ordinal);
    }

    private static string Refused(DependencyGraph dependencies, StructuralPlan plan) =>
        Assert.Throws<StructuralPlanException>(() => Removal.Of(dependencies, plan)).Message;

    private static StructuralPlan PlanOf(DependencyGraph dependencies)
    {
        var removal = new Removal(dependencies);
        removal.Remove(Assert.Single(dependencies.Groups), Gone);
        return removal.ToPlan("net");
    }

    private static DependencyGraph Layers(int inputs, int hidden, int outputs) =>
        DependencyGraph.Of(Traced(Filled(new Sequential(new Linear(inputs, hidden), new Linear(hidden, outputs)))));

    private static Graph Traced(Sequential model) =>
        GraphTracer.Trace(model, new TraceInput("x", Floats([2, model.Find("0").Parameter("weight").Shape[1]], 2)));
}
