using Coppice.Graphs;
using Coppice.Models.Bert;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Dependency;

/// <summary>The small models have 2 layers, 3 heads of 4, width 12, and 48 (GPT-2) or 20 (BERT) neurons in a feed-forward layer.</summary>
public sealed class TransformerGroupsTests
{
    [Fact]
    public void Groups_OfGpt2_AreHeadsNeuronsAndWidths()
    {
        var groups = Gpt2Dependencies(Gpt2()).Groups;
        Assert.Equal(["Width 12", "Head 3", "HeadSize 4", "Neuron 48", "Head 3", "HeadSize 4", "Neuron 48"],
            groups.Select(group => $"{group.Kind} {group.Size}"));
        var heads = groups[1].Members.Select(member => $"{member}").ToList();
        Assert.Equal(["transformer.h.0.attn.c_attn.weight[1] = (1 | 1 | 1) x 3 x 4", "transformer.h.0.attn.c_attn.bias[0] = (1 | 1 | 1) x 3 x 4",
            "transformer.h.0.attn.c_proj.weight[0] = 3 x 4"], heads);
        Assert.Equal(["transformer.h.1.mlp.c_fc.weight[1]", "transformer.h.1.mlp.c_fc.bias[0]", "transformer.h.1.mlp.c_proj.weight[0]"],
            groups[6].Members.Select(member => $"{member}"));
        Assert.All(groups, group => Assert.Equal(group.Kind == GroupKind.Width, group.Normalized is not null));
    }

    [Fact]
    public void Groups_OfBert_AreHeadsNeuronsAndWidths()
    {
        var groups = BertDependencies(Bert()).Groups;
        Assert.Equal(["Width 12", "Head 3", "HeadSize 4", "Neuron 20", "Head 3", "HeadSize 4", "Neuron 20", "Neuron 12"],
            groups.Select(group => $"{group.Kind} {group.Size}"));
        Assert.Equal(7, groups[1].Members.Count);
        Assert.StartsWith("bert.pooler.dense.weight[0]", $"{groups[7].Members[0]}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("bert")]
    public void Apply_HalfOfEveryExactGroup_ComputesTheOriginalWithoutThem(string name)
    {
        Module model = name == "gpt2" ? Gpt2() : Bert();
        var dependencies = name == "gpt2" ? Gpt2Dependencies(model) : BertDependencies(model);
        var exact = dependencies.Groups.Where(group => group.Normalized is null).ToList();
        var (_, verification) = PruningSurgeon.Apply(dependencies, RandomHalf(dependencies, exact), Inputs(name, 2, 9));
        Assert.Empty(verification.Normalized);
        Assert.InRange(verification.LargestDifference, 0, 1e-5);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("bert")]
    public void Apply_HalfOfTheWidth_NamesTheNormalizations(string name)
    {
        Module model = name == "gpt2" ? Gpt2() : Bert();
        var dependencies = name == "gpt2" ? Gpt2Dependencies(model) : BertDependencies(model);
        var width = Assert.Single(dependencies.Groups, group => group.Kind == GroupKind.Width);
        var (_, verification) = PruningSurgeon.Apply(dependencies, RandomHalf(dependencies, [width]), Inputs(name, 2, 9));
        Assert.NotEmpty(verification.Normalized);
    }

    [Fact]
    public void Apply_HeadsAndNeurons_ShrinksTheModelThatRunsEagerly()
    {
        var model = Gpt2();
        var dependencies = Gpt2Dependencies(model);
        var groups = dependencies.Groups.Where(group => group.Kind is GroupKind.Head or GroupKind.Neuron).ToList();
        var (graph, _) = PruningSurgeon.Apply(dependencies, RandomHalf(dependencies, groups), Inputs("gpt2", 2, 9));
        AssertSameBits(new GraphModule(graph).Forward(Ids(3, 5))[0], model.Forward(Ids(3, 5)));
    }

    [Fact]
    public void Apply_WhatTheModelsOwnForwardPassCantFollow_IsRefusedAndUndone()
    {
        var model = Gpt2();
        var dependencies = Gpt2Dependencies(model);
        var before = model.Forward(Ids(2, 5));
        var removal = RandomHalf(dependencies, [dependencies.Groups.First(group => group.Kind == GroupKind.HeadSize)]);
        var error = Assert.Throws<VerificationException>(
            () => PruningSurgeon.Apply(dependencies, removal, Inputs("gpt2", 2, 9), inputs => model.Forward(inputs[0])));
        Assert.Contains("does not run without", error.Message, StringComparison.Ordinal);
        AssertSameBits(before, model.Forward(Ids(2, 5)));
    }

    private static DependencyGraph Gpt2Dependencies(Module model) => DependencyGraph.Of(GraphTracer.Trace(model,
        inputs => ((Coppice.Models.Gpt2.Gpt2LMHeadModel)model).Forward(inputs[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps")));

    private static DependencyGraph BertDependencies(Module module)
    {
        var model = (BertClassifier)module;
        return DependencyGraph.Of(GraphTracer.Trace(model, Forward, new TraceInput("ids", Ids(2, 6), "batch", "steps"),
            new TraceInput("mask", Floats([2, 1, 1, 6]), "batch", null, null, "steps")));

        TraceOutputs Forward(IReadOnlyList<Tensor> inputs)
        {
            var hidden = model.Embed(inputs[0]);
            for (var block = 0; block < model.Blocks.Count; block++)
                hidden = model.RunBlock(block, hidden, inputs[1]);
            return model.Finish(hidden);
        }
    }

    private static Tensor[] Inputs(string name, int batch, int steps) =>
        name == "gpt2" ? [Ids(batch, steps)] : [Ids(batch, steps), Floats([batch, 1, 1, steps], 4)];

    private static Removal RandomHalf(DependencyGraph dependencies, IReadOnlyList<PruningGroup> groups)
    {
        var (removal, random) = (new Removal(dependencies), new RandomSource(3));
        foreach (var group in groups)
            removal.Remove(group, Enumerable.Range(0, group.Size).OrderBy(_ => random.NextUInt32()).Take(group.Size / 2).ToArray());
        return removal;
    }
}
