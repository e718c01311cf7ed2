using System.Security.Cryptography;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Pruning;

namespace Coppice.Tests.Pruning;

public sealed class PruningPlanTests
{
    [Fact]
    public void ToJson_Plan_ParsesBackToARequestOfTheSameResult()
    {
        var tensor = MemoryTensor.Random("a.weight", [30, 20], 1);
        var request = new PruneRequest(new MagnitudePruning(), PruneAmount.Fraction(0.25))
        {
            Semantics = PruneSemantics.Torch,
            Scope = PruneScope.Global,
            Seed = 7,
        };
        var result = Pruner.Prune(PruneHelper.All(tensor), request);
        var json = PruningPlan.Create(result, request, "coppice prune").ToJson();
        var plan = PruningPlan.Parse(json);
        Assert.Equal(request, plan.ToRequest());
        Assert.Equal("coppice prune", plan.Command);
        var parameter = Assert.Single(plan.Parameters);
        Assert.Equal(("a.weight", "F32", 600L, 150L), (parameter.Name, parameter.DType, parameter.Elements, parameter.Pruned));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(tensor.Bytes)), parameter.Sha256Before);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(PruneHelper.Bytes(result))), parameter.Sha256After);
        Assert.Equal(MemoryTensor.Values(tensor).Select(Math.Abs).Order().ElementAt(149), parameter.Threshold);
        Assert.Contains("\"scope\": \"global\"", json, StringComparison.Ordinal);
    }

    [Fact]
    public void CarryOut_OnTheSameTensors_GivesTheSameAndNothingElse()
    {
        var (a, b) = (MemoryTensor.Random("a*.weight", [30, 20], 1), MemoryTensor.Random("ab.weight", [30, 20], 2));
        var request = new PruneRequest(new RandomPruning(), 0.5) { Seed = 3 };
        var result = Pruner.Prune(PruneHelper.All(a), request);
        var plan = PruningPlan.Parse(PruningPlan.Create(result, request, "").ToJson());
        var (selection, again) = plan.CarryOut([a, b], ModelFacts.None);
        Assert.Equal("a*.weight", Assert.Single(selection.Weights).Name);
        Assert.Equal(PruneHelper.Bytes(result), MemoryTensor.AllBytes(again.Tensors[0]));
        Assert.Same(b, again.Tensors[1]);
        Assert.Throws<PruningException>(() => (plan with { Parameters = [.. plan.Parameters, .. plan.Parameters] }).CarryOut([a, b], ModelFacts.None));
        var error = Assert.Throws<PruningException>(() => plan.CarryOut([MemoryTensor.Random("a*.weight", [20, 30], 1)], ModelFacts.None));
        Assert.Contains("'a*.weight' has shape [20, 30], not [30, 20]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_PlanOfInfiniteNorm_KeepsIt()
    {
        var request = new PruneRequest(new ChannelNormPruning(double.NegativeInfinity, 1), PruneAmount.Count(3));
        var result = Pruner.Prune(PruneHelper.All(MemoryTensor.Random("a.weight", [6, 5], 1)), request);
        Assert.Equal(request, PruningPlan.Parse(PruningPlan.Create(result, request, "").ToJson()).ToRequest());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"version":2,"command":"","method":{"method":"l1"},"scope":"global","semantics":"torch","seed":0,"parameters":[]}""")]
    [InlineData("""{"version":1,"command":"","method":{"method":"l1"},"scope":"global","semantics":"torch","seed":0,"parameters":[null]}""")]
    [InlineData("""{"version":1,"command":"","method":{"method":"l1"},"scope":"global","semantics":"torch","seed":0,"parameters":null}""")]
    [InlineData("""{"version":1,"command":"","method":{"method":"l1"},"scope":"all","semantics":"torch","seed":0,"parameters":[]}""")]
    [InlineData("""{"version":1,"command":"","method":{"method":"l1"},"scope":"global","semantics":"torch","seed":0,"parameters":[],"extra":1}""")]
    public void Parse_NoPlan_Throws(string json) => Assert.Throws<PruningException>(() => PruningPlan.Parse(json));
}
