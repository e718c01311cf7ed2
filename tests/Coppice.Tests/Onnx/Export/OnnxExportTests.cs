using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Onnx;
using Coppice.Onnx.Export;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Onnx.Export;

/// <summary>Whole models exported, at sizes that the trace did not meet.</summary>
public sealed class OnnxExportTests : IDisposable
{
    private static readonly string Gpt2Folder = TestData.InRepository("samples", "models", "gpt2-student");
    private static readonly string BertFolder = TestData.InRepository("samples", "models", "bert-thucnews");
    private static readonly string LlamaFolder = TestData.InRepository("samples", "models", "stories260K");
    private static readonly string ResNetFile = TestData.InRepository("samples", "models", "cifar10-resnet", "resnet20-12fca82f.th");

    private readonly TempFolder _folder = new();

    private string Out => _folder["m.onnx"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gpt2", TextInputs.Ids, 17)]
    [InlineData("gpt2", TextInputs.Mask, 21)]
    [InlineData("llama", TextInputs.Mask, 17)]
    [InlineData("llama", TextInputs.Past, 17)]
    [InlineData("bert", TextInputs.Ids, 20)]
    public void Save_OfATextModel_WritesWhatItComputes(string name, TextInputs inputs, int opset)
    {
        var model = PretrainedModel.Open(FolderOf(name));
        Assert.InRange(OnnxExport.Save(ExportTrace.Of(model, inputs), Out, opset), 0, 1e-5);
        using var file = OnnxFile.Open(Out);
        Assert.Equal(opset, file.Model.OpsetVersion());
        var state = model.Module.StateDict();
        Assert.All(file.Model.Graph!.Initializers, tensor =>
            Assert.Equal(state[tensor.Name!].ToArray<float>(), tensor.Source().ToTensor().ToArray<float>()));
        Assert.Equal(["batch", "sequence"], file.Model.Graph.Inputs[0].Type!.Tensor!.Shape!.Dims.Select(dim => dim.Param));
    }

    [Fact]
    public void Forward_OfAnExportedGpt2_GivesTheModelsLogitsForPaddedRows()
    {
        var model = PretrainedModel.Open(Gpt2Folder);
        OnnxExport.Save(ExportTrace.Of(model, TextInputs.Mask), Out);
        var ids = Ids(2, 6, 4000);
        long[] mask = [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        var expected = model.CausalLanguageModel.Forward(ids, padding: [2, 0]);
        var actual = Module().Forward(ids, Tensor.From<long>(mask, [2, 6]))[0];
        Assert.InRange(RelativeDifference.Between(expected.Narrow(1, 2, 4).Contiguous(), actual.Narrow(1, 2, 4).Contiguous()) ?? double.NaN, 0, 1e-5);
    }

    [Fact]
    public void Forward_OfAGpt2WithPast_GoesOnWhereItWas()
    {
        var model = PretrainedModel.Open(Gpt2Folder);
        OnnxExport.Save(ExportTrace.Of(model, TextInputs.Past), Out);
        var (module, ids) = (Module(), Ids(2, 7, 4000));
        var none = Tensor.Empty([2, 4, 0, 32]);
        var first = module.Forward([ids.Narrow(1, 0, 5).Contiguous(), .. Enumerable.Repeat(none, 24)]);
        var second = module.Forward([ids.Narrow(1, 5, 2).Contiguous(), .. first[1..]]);
        Assert.Equal(Shape.Create([2, 4, 7, 32]), second[1].Shape);
        Assert.InRange(RelativeDifference.Between(model.CausalLanguageModel.Forward(ids).Narrow(1, 5, 2).Contiguous(), second[0]) ?? double.NaN, 0, 1e-5);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("bert")]
    [InlineData("llama")]
    public void Save_OfAPrunedTextModel_WritesWhatItComputes(string name)
    {
        var model = PretrainedModel.Open(FolderOf(name));
        var traced = TracedModel.Of(model, steps: 9);
        var dependencies = DependencyGraph.Of(traced.Graph);
        var removal = new GroupPruning { Ratio = 0.5, Include = model.Architecture.Sizes.Globs }.Choose(dependencies, new(new GroupMagnitude()));
        PruningSurgeon.Apply(dependencies, removal, traced.RandomInputs(3), traced.Forward);
        Assert.InRange(OnnxExport.Save(ExportTrace.Of(model), Out), 0, 1e-5);
    }

    [Fact]
    public void Save_OfAPrunedResNet_WritesWhatItComputes()
    {
        var model = PretrainedVisionModel.Open(ResNetFile, "resnet20");
        var traced = TracedModel.Of(model);
        var dependencies = DependencyGraph.Of(traced.Graph);
        var removal = new GroupPruning { Ratio = 0.5, Scope = GroupScope.Global, MaxRatio = 0.8 }.Choose(dependencies, new(new GroupMagnitude()));
        PruningSurgeon.Apply(dependencies, removal, traced.RandomInputs(1), traced.Forward);
        Assert.InRange(OnnxExport.Save(ExportTrace.Of(model), Out), 0, 1e-5);
    }

    [Theory]
    [InlineData("vgg11", 32)]
    [InlineData("mobilenet_v2", 32)]
    [InlineData("resnet18", 64)]
    [InlineData("lenet", 28)]
    public void ToModel_OfAnImageClassifier_ComputesWhatItDoes(string architecture, int size)
    {
        var known = VisionModels.Find(architecture)!;
        var model = Filled(known.Create(3));
        model.Train(false);
        var graph = GraphTracer.Trace(model, new TraceInput("x", Floats([2, known.Channels, size, size]), "batch"));
        OnnxFile.Save(OnnxExport.ToModel(graph), Out);
        var images = Floats([3, known.Channels, size, size], 2);
        Assert.InRange(RelativeDifference.Between(model.Forward(images), Module().Forward(images)[0]) ?? double.NaN, 0, 1e-4);
    }

    [Fact]
    public void Open_ForPruning_OfAnExportedLlama_FindsHeadsAndNeurons()
    {
        OnnxExport.Save(ExportTrace.Of(PretrainedModel.Open(LlamaFolder)), Out);
        var pruning = OnnxPruning.Open(Out);
        Assert.Equal(5, pruning.Dependencies.Groups.Count(group => group.Size == 172));
        var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupRandom(1)));
        Assert.InRange(pruning.Save(removal, _folder["half.onnx"]).LargestDifference, 0, 1e-5);
    }

    [Fact]
    public void ToModel_OfAMaskedWeight_StoresZeros()
    {
        var linear = new Coppice.Modules.Linear(4, 3);
        var weight = linear.Parameters["weight"];
        weight.Replace(Floats([3, 4]));
        weight.SetMask(Tensor.From<float>([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0], [3, 4]));
        var model = OnnxExport.ToModel(GraphTracer.Trace(linear, new TraceInput("x", Floats([2, 4]), "batch")));
        var stored = model.Graph!.Initializers.Single(tensor => tensor.Name == "weight").Source().ToTensor().ToArray<float>();
        Assert.Equal(weight.Value.ToArray<float>(), stored);
        Assert.Equal(6, stored.Count(value => value == 0));
    }

    [Fact]
    public void ToModel_OfSizesThatFollowFromTwoAxes_ComputesThem()
    {
        var builder = new GraphBuilder(("batch", 2), ("steps", 4));
        var (batch, steps) = (SymbolicDim.Symbol("batch"), SymbolicDim.Symbol("steps"));
        var x = builder.Input("x", DType.F32, batch, steps, 6);
        var wide = builder.Apply(new Expand([3, 2, 4, 6]), [x], [3, batch, steps, 6])[0];
        builder.Output("x3", wide);
        builder.Output("again", wide);
        builder.Output("same", x);
        builder.Output("places", builder.Apply(new Arange(0, 4), [], [1, steps])[0]);
        OnnxFile.Save(OnnxExport.ToModel(builder.Build()), Out);
        var input = Floats([3, 5, 6]);
        var outputs = Module().Forward(input);
        Assert.Equal(Shape.Create([3, 3, 5, 6]), outputs[0].Shape);
        AssertSameBits(outputs[0].Contiguous(), outputs[1].Contiguous());
        AssertSameBits(input, outputs[2]);
        Assert.Equal([1, 2, 3, 4, 5], outputs[3].ToArray<long>());
    }

    [Fact]
    public void Save_OfATraceThatHoldsAtItsSizesOnly_WritesNothing()
    {
        var linear = new Coppice.Modules.Linear(4, 3);
        TraceOutputs Forward(IReadOnlyList<Tensor> inputs) => linear.Forward(inputs[0]).Narrow(0, 0, Math.Min(3, inputs[0].Shape[0]));
        var graph = GraphTracer.Trace(linear, Forward, new TraceInput("x", Floats([1, 4]), "batch"));
        var error = Assert.Throws<ExportException>(() => OnnxExport.Save(
            new("test", linear, graph, inputs => linear.Forward(inputs[0]).Narrow(0, 0, 1)), Out));
        Assert.Contains("batch 2", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Save_OfAFileThatIsThere_LeavesIt()
    {
        File.WriteAllText(Out, "mine");
        Assert.Throws<CheckpointException>(() => OnnxExport.Save(ExportTrace.Of(PretrainedModel.Open(LlamaFolder)), Out));
        Assert.Equal("mine", File.ReadAllText(Out));
    }

    [Fact]
    public void ToModel_OfTwoThingsOfOneName_SaysSo()
    {
        var linear = new Coppice.Modules.Linear(4, 3);
        var graph = GraphTracer.Trace(linear, new TraceInput("weight", Floats([2, 4])));
        Assert.Contains("'weight' is the name of two", Assert.Throws<GraphException>(() => OnnxExport.ToModel(graph)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(22)]
    public void ToModel_OfAnotherOpset_IsRefused(int opset)
    {
        var builder = new GraphBuilder();
        builder.Output("y", builder.Apply(new Relu(), [builder.Input("x", DType.F32, 2)])[0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => OnnxExport.ToModel(builder.Build(), opset));
    }

    [Fact]
    public void Of_ABertWithPast_SaysWhatHasOne() => Assert.Contains("a causal language model's",
        Assert.Throws<GraphException>(() => ExportTrace.Of(PretrainedModel.Open(BertFolder), TextInputs.Past)).Message, StringComparison.Ordinal);

    private static string FolderOf(string name) => name switch { "gpt2" => Gpt2Folder, "bert" => BertFolder, _ => LlamaFolder };

    private OnnxModule Module()
    {
        using var file = OnnxFile.Open(Out);
        return new(file);
    }
}
