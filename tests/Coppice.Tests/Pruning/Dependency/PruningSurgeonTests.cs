using Coppice.Graphs;
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
    public void Groups_OfResNet18_AreTwelve()
    {
        var model = TestModels.Filled(VisionModels.Find("resnet18")!.Create(10));
        var dependencies = DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("x", TestModels.Floats([1, 3, 64, 64], 1), "batch")));
        Assert.Equal(12, dependencies.Groups.Count);
        var pinned = dependencies.Pinned.Where(axis => axis.Tensor.EndsWith("weight", StringComparison.Ordinal) && axis.Axis < 2).Select(axis => $"{axis.Tensor}[{axis.Axis}]");
        Assert.Equal(["conv1.weight[1]", "fc.weight[0]"], pinned);
    }

    private static Removal RandomHalf(DependencyGraph dependencies, int seed)
    {
        var (removal, random) = (new Removal(dependencies), new RandomSource(seed));
        foreach (var group in dependencies.Groups)
            removal.Remove(group, Enumerable.Range(0, group.Size).OrderBy(_ => random.NextUInt32()).Take(group.Size / 2).ToArray());
        return removal;
    }

    private static long Parameters(Module model) => model.NamedParameters().Sum(entry => entry.Parameter.Data.Count);
}
