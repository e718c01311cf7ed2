using Coppice.Graphs;
using Coppice.Models.Llama;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tests.Graphs;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class PruningSurgeonTests
{
    public static TheoryData<string> SmallVisionModels => ["resnet20", "vgg11", "simple-cnn", "lenet", "mnist-cnn", "resnet18", "resnet50", "mobilenet_v2"];

    [Theory]
    [MemberData(nameof(SmallVisionModels))]
    public void Apply_HalfOfEveryGroup_ComputesTheOriginalWithoutThem(string name)
    {
        var architecture = VisionModels.Find(name)!;
        var size = architecture.Size == 224 ? 64 : architecture.Size;
        var model = TestModels.Filled(architecture.Create(10));
        var input = TestModels.Floats([1, architecture.Channels, size, size], 5);
        var dependencies = DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("x", input, "batch")));
        Assert.NotEmpty(dependencies.Groups);
        var removal = RandomHalf(dependencies, 7);
        var before = Parameters(model);
        var (graph, verification) = PruningSurgeon.Apply(dependencies, removal, [TestModels.Floats([2, architecture.Channels, size, size], 6)]);
        Assert.Empty(verification.Normalized);
        Assert.True(Parameters(model) < 0.6 * before, $"{Parameters(model)} of {before}");
        Assert.Equal([3, 10], new GraphModule(graph).Forward(TestModels.Floats([3, architecture.Channels, size, size], 8))[0].Shape.Dims);
    }

    [Fact]
    public void Trial_RunsAsThePrunedModelWill_AndLeavesTheModel()
    {
        var model = TestModels.Filled(VisionModels.Find("resnet20")!.Create(10));
        var input = TestModels.Floats([1, 3, 32, 32], 5);
        var dependencies = DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("x", input)));
        var (before, removal) = (model.Forward(input), RandomHalf(dependencies, 3));
        var trial = new GraphModule(PruningSurgeon.Trial(dependencies, removal));
        TestModels.AssertSameBits(before, model.Forward(input));
        PruningSurgeon.Apply(dependencies, removal, [input]);
        TestModels.AssertSameBits(model.Forward(input), trial.Forward(input)[0]);
    }

    [Fact]
    public void Groups_OfResNet18_AreTwelve()
    {
        var model = TestModels.Filled(VisionModels.Find("resnet18")!.Create(10));
        var dependencies = DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("x", TestModels.Floats([1, 3, 64, 64], 1), "batch")));
        Assert.Equal(12, dependencies.Groups.Count);
        var pinned = dependencies.Pinned.Where(axis => axis.Tensor.EndsWith("weight", StringComparison.Ordinal) && axis.Axis < 2).Select(axis => $"{axis.Tensor}[{axis.Axis}]");
        Assert.Equal(["conv1.weight[1]", "fc.weight[0]"], pinned);
    }

    [Fact]
    public void Groups_OfLlama_AreWidthKeyHeadsQueryHeadsAndNeurons()
    {
        var groups = Llama(TestModels.Llama()).Groups;
        Assert.Equal(7, groups.Count);
        var width = Assert.Single(groups, group => group.Normalized is not null);
        Assert.Equal(16, width.Size);
        Assert.Contains("model.embed_tokens.weight[1]", Members(width));
        for (var layer = 0; layer < 2; layer++)
        {
            var (attention, mlp) = ($"model.layers.{layer}.self_attn.", $"model.layers.{layer}.mlp.");
            // A key head goes with its query heads; a query head goes from every key head's group.
            string[] queries = [attention + "o_proj.weight[1]", attention + "q_proj.bias[0]", attention + "q_proj.weight[0]"];
            string[] keys = [attention + "k_proj.bias[0]", attention + "k_proj.weight[0]", attention + "v_proj.bias[0]", attention + "v_proj.weight[0]"];
            Assert.Equal((GroupKind.Head, 2), Only(keys.Concat(queries).Order(StringComparer.Ordinal)));
            Assert.Equal((GroupKind.Query, 2), Only(queries));
            Assert.Equal((GroupKind.Neuron, 20), Only([mlp + "down_proj.weight[1]", mlp + "gate_proj.weight[0]", mlp + "up_proj.weight[0]"]));
        }

        (GroupKind Kind, int Size) Only(IEnumerable<string> members)
        {
            var group = Assert.Single(groups, group => Members(group).SequenceEqual(members));
            return (group.Kind, group.Size);
        }

        static IEnumerable<string> Members(PruningGroup group) =>
            group.Members.Select(member => $"{member.Value.Name}[{member.Axis}]").Order(StringComparer.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Apply_HalfOfLlamasGroups_LeavesAModelThatRunsAsItIs(bool width)
    {
        var model = TestModels.Llama();
        var dependencies = Llama(model);
        var removal = RandomHalf(dependencies, 7, group => width || group.Normalized is null);
        var before = Parameters(model);
        var (graph, verification) = PruningSurgeon.Apply(dependencies, removal, [TestModels.Ids(3, 9, seed: 2)]);
        Assert.Equal(width, verification.Normalized.Count > 0);
        Assert.True(Parameters(model) < (width ? 0.5 : 0.75) * before, $"{Parameters(model)} of {before}");
        Assert.Equal<Shape>([6, width ? 8 : 16], model.Find("model.layers.1.self_attn.q_proj").Parameter("weight").Shape);
        var ids = TestModels.Ids(2, 5, seed: 4);
        TestModels.AssertSameBits(model.Forward(ids), new GraphModule(graph).Forward(ids)[0]);
        var (cache, steps) = (model.CreateCache(5), model.Forward(ids).ToArray<float>());
        model.Forward(ids.Narrow(1, 0, 4), cache);
        Assert.Equal(steps[(4 * model.VocabSize)..(5 * model.VocabSize)],
            model.Forward(ids.Narrow(1, 4, 1), cache).ToArray<float>()[..model.VocabSize], (a, b) => Math.Abs(a - b) < 1e-4f);
    }

    private static DependencyGraph Llama(LlamaForCausalLM model) => DependencyGraph.Of(GraphTracer.Trace(
        model, x => model.Forward(x[0]), new TraceInput("ids", TestModels.Ids(2, 6), "batch", "steps")));

    private static Removal RandomHalf(DependencyGraph dependencies, int seed, Func<PruningGroup, bool>? chosen = null)
    {
        var (removal, random) = (new Removal(dependencies), new RandomSource(seed));
        foreach (var group in dependencies.Groups.Where(chosen ?? (_ => true)))
            removal.Remove(group, Enumerable.Range(0, group.Size).OrderBy(_ => random.NextUInt32()).Take(group.Size / 2).ToArray());
        return removal;
    }

    private static long Parameters(Module model) => model.NamedParameters().Sum(entry => entry.Parameter.Data.Count);
}
