using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>A small detector: a convolution, boxes chosen by their scores, and a head on what RoiAlign cuts out for them.</summary>
public sealed class ChoicesTests
{
    private const int Side = 4;
    private const int Places = Side * Side;

    [Fact]
    public void Save_HeadBehindChosenBoxes_LosesChannelsToo()
    {
        using var folder = new TempFolder();
        var pruning = Opened(folder, threshold: 0);
        Assert.Equal(["head.weight", "roi.weight", "stem.weight"], pruning.Dependencies.Groups.Select(group => group.Members[0].Value.Name).Order());
        var removal = new Removal(pruning.Dependencies);
        foreach (var group in pruning.Dependencies.Groups)
            removal.Remove(group, Enumerable.Range(1, group.Size / 2));
        Assert.InRange(pruning.Save(removal, folder["small.onnx"]).LargestDifference, 0, Verification.Tolerance);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        var small = new OnnxModule(file);
        Assert.Equal<Shape>([4, 3, 1, 1], small.Parameter("roi.weight").Shape);
        Assert.Equal<Shape>([16, 5], small.Parameter("head.weight").Shape);
        var boxes = Enumerable.Range(1, 3).Select(seed => small.Forward(Image(seed))[0].Shape[0]).ToList();
        Assert.All(boxes, count => Assert.InRange(count, 1, Places));
        Assert.True(boxes.Distinct().Count() > 1, "other images have other numbers of boxes");
    }

    [Fact]
    public void Open_ModelThatChooses_ComparesWhatItChoosesFrom()
    {
        using var folder = new TempFolder();
        var pruning = Opened(folder, threshold: 0);
        Assert.Equal(["y", "pass reads 0"], pruning.Graph.Outputs.Select(output => output.Name));
    }

    [Fact]
    public void Open_NothingPassesAComparison_SomeDoSoThatTheHeadRuns()
    {
        using var folder = new TempFolder();
        var pruning = Opened(folder, threshold: 1e9f);
        Assert.Equal(3, pruning.Dependencies.Groups.Count);
        Assert.Equal(Places, pruning.Graph.Outputs[0].Value.SampleShape[0]);
    }

    [Fact]
    public void Save_HeadThatMixesUpItsChannels_IsRefused()
    {
        using var folder = new TempFolder();
        var pruning = Opened(folder, threshold: 0);
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups.Single(group => group.Members[0].Value.Name == "head.weight"), [0]);
        // The file changes under the analysis: what is written is another model behind the choice, and only there.
        using (var file = OnnxFile.Open(folder["model.onnx"]))
        {
            file.Model.Graph!.Nodes.Single(node => node.Outputs[0] == "active").OpType = "Sigmoid";
            OnnxFile.Save(file.Model, folder["other.onnx"]);
        }
        File.Copy(folder["other.onnx"], folder["model.onnx"], overwrite: true);
        Assert.Throws<VerificationException>(() => pruning.Save(removal, folder["small.onnx"]));
        Assert.False(File.Exists(folder["small.onnx"]));
    }

    private static OnnxPruning Opened(TempFolder folder, float threshold)
    {
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "stem.weight"], "stem");
        Add(graph, "Relu", ["stem"], "features");
        Add(graph, "Conv", ["features", "score.weight"], "own");
        Add(graph, "Conv", ["x", "other.weight"], "other");
        Add(graph, "Add", ["own", "other"], "scores");
        Add(graph, "Reshape", ["scores", "all"], "flat");
        Add(graph, "Greater", ["flat", "threshold"], "pass");
        Add(graph, "NonZero", ["pass"], "columns");
        Add(graph, "Squeeze", ["columns", "zero"], "places");
        Add(graph, "Gather", ["corners", "places"], "boxes", AttributeProto.From("axis", 0L));
        Add(graph, "Mul", ["places", "zero"], "images");
        Add(graph, "RoiAlign", ["features", "boxes", "images"], "cut", AttributeProto.From("output_height", 2L),
            AttributeProto.From("output_width", 2L), AttributeProto.From("sampling_ratio", 1L));
        Add(graph, "Conv", ["cut", "roi.weight"], "wide");
        Add(graph, "Relu", ["wide"], "active");
        Add(graph, "Reshape", ["active", "rows"], "row");
        Add(graph, "MatMul", ["row", "head.weight"], "hidden");
        Add(graph, "Tanh", ["hidden"], "bent");
        Add(graph, "MatMul", ["bent", "class.weight"], "y");
        Weight(graph, "stem.weight", 6, 2, 1, 1);
        Weight(graph, "score.weight", 1, 6, 1, 1);
        Weight(graph, "other.weight", 1, 2, 1, 1);
        Weight(graph, "roi.weight", 8, 6, 1, 1);
        Weight(graph, "head.weight", 32, 10);
        Weight(graph, "class.weight", 10, 3);
        Numbers(graph, "all", -1);
        Numbers(graph, "rows", -1, 32);
        Numbers(graph, "zero", 0);
        Store(graph, "threshold", Tensor.Full([], threshold));
        Store(graph, "corners", Tensor.From<float>(
            [.. Enumerable.Range(0, Places).SelectMany(i => (float[])[0, 0, 1 + i % Side, 1 + i / Side])], [Places, 4]));
        graph.Inputs.Add(ValueInfoProto.From("x", TensorDataType.Float, new[] { 1, 2, Side, Side }.Select(size => new Dimension { Value = size })));
        graph.Outputs.Add(new() { Name = "y" });
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImports.Add(new() { Domain = "", Version = 16 });
        OnnxFile.Save(model, folder["model.onnx"]);
        return OnnxPruning.Open(folder["model.onnx"], [Image(0)]);
    }

    private static Tensor Image(int seed) => Random(seed, 1, 2, Side, Side);

    private static Tensor Random(int seed, params int[] sizes)
    {
        var (random, tensor) = (new RandomSource(seed), Tensor.Empty(Shape.Create(sizes)));
        foreach (ref var value in tensor.AsSpan<float>())
            value = 2 * random.NextSingle() - 1;
        return tensor;
    }

    private static void Add(GraphProto graph, string op, string[] inputs, string output, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = op };
        node.Inputs.AddRange(inputs);
        node.Outputs.Add(output);
        node.Attributes.AddRange(attributes);
        graph.Nodes.Add(node);
    }

    private static void Weight(GraphProto graph, string name, params int[] sizes) => Store(graph, name, Random(name.Length, sizes));

    private static void Numbers(GraphProto graph, string name, params long[] values) =>
        Store(graph, name, Tensor.From<long>(values, [values.Length]));

    private static void Store(GraphProto graph, string name, Tensor tensor) =>
        graph.Initializers.Add(TensorProto.From(TensorSource.From(name, tensor)));
}
