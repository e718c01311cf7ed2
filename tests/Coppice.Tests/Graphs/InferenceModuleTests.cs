using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Tests.Graphs.TestModels;
using Conv2d = Coppice.Modules.Conv2d;

namespace Coppice.Tests.Graphs;

public sealed class InferenceModuleTests
{
    [Fact]
    public void Forward_ResidualNet_GivesTheModelsOutputs()
    {
        var model = Ready(new CifarResNet(1, 10));
        var fast = new InferenceModule(Traced(model, [2, 3, 16, 16]));
        Assert.DoesNotContain(fast.Graph.Nodes, node => node.Op is Tensors.Ops.Conv2d or Tensors.Ops.BatchNorm or Relu);
        Assert.Contains(fast.Graph.Nodes, node => node.Op is FusedConv2d && node.Inputs.Count == 4); // a shortcut
        AssertClose(model, fast, Floats([3, 3, 16, 16], 2));
        AssertClose(model, fast, Floats([1, 3, 16, 16], 3)); // in memory that the first run left
    }

    [Fact]
    public void Forward_InvertedResiduals_GivesTheModelsOutputs()
    {
        var model = Ready(new MobileNetV2(10));
        var fast = new InferenceModule(Traced(model, [2, 3, 32, 32]));
        Assert.Equal(52, fast.Graph.Nodes.Count(node => node.Op is FusedConv2d));
        AssertClose(model, fast, Floats([2, 3, 32, 32], 2));
    }

    [Fact]
    public void Forward_ImageReadTwice_IsNotFusedAway()
    {
        var (conv, norm) = (Filled(new Conv2d(3, 4, 3, padding: 1)), Ready(new BatchNorm2d(4)));
        var model = new Sequential(conv, norm);
        var graph = GraphTracer.Trace(model, x => Twice(x[0]), new TraceInput("x", Floats([2, 3, 8, 8]), "batch"));
        var x = Floats([1, 3, 8, 8], 4);
        Close(Twice(x), new InferenceModule(graph).Forward(x)[0]);

        Tensor Twice(Tensor image)
        {
            var y = conv.Forward(image);
            return norm.Forward(y).Relu().Add(y).Add(y);
        }
    }

    [Fact]
    public void Forward_GraphOutputInTheMiddle_IsKept()
    {
        var (conv, norm) = (Filled(new Conv2d(3, 4, 3)), Ready(new BatchNorm2d(4)));
        var model = new Sequential(conv, norm);
        var graph = GraphTracer.Trace(model, x => Both(x[0]), new TraceInput("x", Floats([2, 3, 8, 8]), "batch"));
        var x = Floats([1, 3, 8, 8], 4);
        foreach (var (expected, actual) in Both(x).Zip(new InferenceModule(graph).Forward(x)))
            Close(expected, actual);

        Tensor[] Both(Tensor image)
        {
            var y = conv.Forward(image);
            return [y, norm.Forward(y).Relu().Reshape(image.Shape[0], -1)];
        }
    }

    [Fact]
    public void Forward_AfterWeightsChanged_KeepsTheOldOnes()
    {
        var model = Ready(new Sequential(new Conv2d(3, 4, 3), new BatchNorm2d(4)));
        var fast = new InferenceModule(Traced(model, [2, 3, 8, 8]));
        var x = Floats([1, 3, 8, 8], 4);
        var before = fast.Forward(x)[0].ToArray<float>();
        model.Find("1").Parameter("weight").Replace(Tensor.Zeros([4]));
        Assert.Equal(before, fast.Forward(x)[0].ToArray<float>());
    }

    [Fact]
    public void Constructor_GraphOfTraining_SaysWhatToDo()
    {
        var model = Filled(new Sequential(new Conv2d(3, 4, 3), new BatchNorm2d(4)));
        model.Train();
        var error = Assert.Throws<GraphException>(() => new InferenceModule(Traced(model, [2, 3, 8, 8])));
        Assert.Contains("Train(false)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Optimized_OnnxFile_GivesTheModelsOutputs()
    {
        using var file = OnnxFile.Open(TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx"));
        var model = new OnnxModule(file);
        var fast = model.Optimized(new TraceInput(model.Inputs[0].Name, Floats([1, 1, 28, 28])));
        var x = Floats([1, 1, 28, 28], 2);
        Assert.Equal(model.Outputs.Select(output => output.Name), fast.Graph.Outputs.Select(output => output.Name));
        Close(model.Forward(x)[0], fast.Forward(x)[0]);
    }

    private static T Ready<T>(T model) where T : Module
    {
        model.Train(false);
        return Filled(model);
    }

    private static Graph Traced(Layer model, Shape shape) => GraphTracer.Trace(model, new TraceInput("x", Floats(shape), "batch"));

    private static void AssertClose(Layer model, InferenceModule fast, Tensor x) => Close(model.Forward(x), fast.Forward(x)[0]);

    private static void Close(Tensor expected, Tensor actual)
    {
        var scale = expected.ToArray<float>().Max(MathF.Abs);
        Assert.Equal(expected.Shape, actual.Shape);
        Assert.All(expected.ToArray<float>().Zip(actual.ToArray<float>()), pair => Assert.Equal(pair.First, pair.Second, 1e-5f * scale));
    }
}
