using Coppice.Checkpoints;
using Coppice.Onnx;

namespace Coppice.Cli.Tests;

/// <summary>The verbs on ONNX files.</summary>
public sealed class OnnxCommandTests : IDisposable
{
    private const string Scale = "0.003921569";

    private static readonly string Mnist = TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx");
    private static readonly string Digits = TestData.InRepository("samples", "data", "mnist", "t10k-images-idx3-ubyte.gz");

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Groups_OfMnist_NameWhatShrinksAndWhichNodeForbidsTheRest()
    {
        var json = (await CommandRun.Of("groups", Mnist, "--json")).Json;
        Assert.Equal([8, 16], json.GetProperty("groups").EnumerateArray().Select(group => group.GetProperty("size").GetInt32()).Order());
        Assert.Contains(json.GetProperty("pinned").EnumerateArray(), axis => axis.GetProperty("tensor").GetString() == "Parameter5"
            && axis.GetProperty("reason").GetString() == "Conv2d in Conv 'Convolution28': the kernel's extent");
        Assert.Contains("Parameter87[1]", (await CommandRun.Of("groups", Mnist)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_OfMnist_ListsTensorsAndCostOfNodes()
    {
        var json = (await CommandRun.Of("inspect", Mnist, "--json")).Json;
        Assert.Equal("onnx", json.GetProperty("format").GetString());
        Assert.Contains(json.GetProperty("layers").EnumerateArray(), layer => layer.GetProperty("name").GetString() == "Conv 'Convolution28'"
            && layer.GetProperty("macs").GetInt64() == 28 * 28 * 25 * 8);
        var tensors = json.GetProperty("tensors").EnumerateArray().ToDictionary(tensor => tensor.GetProperty("name").GetString()!);
        Assert.True(tensors["Parameter87"].GetProperty("in_scope").GetBoolean());
        Assert.Contains("head", tensors["Parameter193"].GetProperty("why_out").GetString(), StringComparison.Ordinal);
        Assert.Contains("a vector", tensors["Parameter6"].GetProperty("why_out").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prune_ZerosInMnist_StayInAnOnnxFileThatRuns()
    {
        var output = _folder["zeros.onnx"];
        var json = (await CommandRun.Of("prune", Mnist, "-o", output, "--amount", "0.5", "--scope", "global", "--json")).Json;
        Assert.Equal(1700, json.GetProperty("scope").GetProperty("pruned").GetInt64());
        using (var weights = OnnxWeights.Open(output))
            Assert.Equal(1700, new[] { "Parameter5", "Parameter87" }.Sum(name => TensorStatistics.Of(weights[name]).Zeros));
        var measured = (await CommandRun.Of("eval", output, "--data", Digits, "--std", Scale, "--json")).Json;
        Assert.InRange(measured.GetProperty("accuracy").GetDouble(), 0.9, 0.99);
    }

    [Fact]
    public async Task Prune_PatternOfMnist_KeepsTwoOfFour()
    {
        var output = _folder["pattern.onnx"];
        Assert.Equal(0, (await CommandRun.Of("prune", Mnist, "-o", output, "--granularity", "2:4", "--include", "Parameter87")).ExitCode);
        using var weights = OnnxWeights.Open(output);
        Assert.Equal(0.5, TensorStatistics.Of(weights["Parameter87"]).Sparsity);
        Assert.Equal(0, TensorStatistics.Of(weights["Parameter5"]).Zeros);
    }

    [Fact]
    public async Task Prune_StructureOfMnist_WritesASmallerFileAndAPlan()
    {
        var (output, plan) = (_folder["small.onnx"], _folder["plan.json"]);
        var json = (await CommandRun.Of("prune", Mnist, "-o", output, "--structural", "--amount", "0.25", "--plan", plan, "--json")).Json;
        Assert.InRange(json.GetProperty("verification").GetProperty("largest_difference").GetDouble(), 0, 1e-4);
        var inspected = (await CommandRun.Of("inspect", output, "--json")).Json;
        Assert.Equal(json.GetProperty("macs").GetProperty("after").GetInt64(), inspected.GetProperty("macs").GetInt64());
        Assert.Contains("Parameter193", File.ReadAllText(plan), StringComparison.Ordinal);
        var compared = (await CommandRun.OfProcess("compare", Mnist, output, "--rounds", "2", "--data", Digits, "--std", Scale, "--json")).Json;
        Assert.Equal(inspected.GetProperty("macs").GetInt64(), compared.GetProperty("macs").GetProperty("after").GetInt64());
        Assert.True(compared.GetProperty("peak_memory_bytes").GetProperty("after").GetInt64() > 10_000_000);
        Assert.True(compared.GetProperty("latency").GetProperty("after").GetProperty("p95_ms").GetDouble() > 0);
        Assert.InRange(compared.GetProperty("outputs")[0].GetProperty("cosine").GetDouble(), -1, 0.9999);
        var classified = compared.GetProperty("classification");
        Assert.Equal(0.9891, classified.GetProperty("before").GetProperty("accuracy").GetDouble(), 4);
        Assert.InRange(classified.GetProperty("after").GetProperty("accuracy").GetDouble(), 0.4, 0.98);
    }

    [Fact]
    public async Task Prune_ByTaylorWithADryRun_WritesNothing()
    {
        var json = (await CommandRun.Of("prune", Mnist, "--dry-run", "--target-macs", "0.7", "--importance", "taylor", "--data", Digits, "--std", Scale,
            "--json")).Json;
        var macs = json.GetProperty("macs");
        Assert.InRange((double)macs.GetProperty("after").GetInt64() / macs.GetProperty("before").GetInt64(), 0.5, 0.7);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(1, "there is no input 'images'", "Input3", "--input", "images=1x1x28x28")]
    [InlineData(1, "input 'Input3' is", "not [1, 3, 28, 28]", "--input", "1x3x28x28")]
    [InlineData(2, "is not NAME=SIZE", "--input", "--input", "1xtwo")]
    [InlineData(2, "leave --arch out", "itself", "--arch", "resnet20")]
    public async Task Prune_WithInputsThatDontFit_SaysSoAndWritesNothing(int code, string says, string and, params string[] options)
    {
        (await CommandRun.Of(["prune", Mnist, "-o", _folder["out.onnx"], "--structural", "--amount", "0.5", .. options])).AssertFailed(code, says, and);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Verbs_OnWhatIsNoOnnxModel_NameTheFile()
    {
        var file = _folder["broken.onnx"];
        File.WriteAllText(file, "this is no model");
        foreach (var verb in new[] { "inspect", "groups" })
            (await CommandRun.Of(verb, file)).AssertFailed(1, file);
        (await CommandRun.Of("prune", file, "-o", _folder["out.onnx"], "--amount", "0.5")).AssertFailed(1, file);
        (await CommandRun.Of("groups", _folder["missing.onnx"])).AssertFailed(1, "missing.onnx");
        Assert.Equal([file], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Verbs_OnAnUnknownOperator_NameItAndTheFile()
    {
        var file = Write("custom.onnx", new NodeProto { OpType = "MyOwnOp", Inputs = { "x" }, Outputs = { "y" } });
        (await CommandRun.Of("groups", file)).AssertFailed(1, file, "MyOwnOp");
        (await CommandRun.Of("prune", file, "-o", _folder["out.onnx"], "--structural", "--amount", "0.5")).AssertFailed(1, file, "MyOwnOp");
        var inspected = await CommandRun.Of("inspect", file);
        Assert.Equal(0, inspected.ExitCode);
        Assert.Contains("MyOwnOp", inspected.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prune_OfAModelWithoutAPrunableAxis_FailsAndWritesNothing()
    {
        var file = Write("sum.onnx", new NodeProto { OpType = "Relu", Inputs = { "x" }, Outputs = { "y" } });
        (await CommandRun.Of("prune", file, "-o", _folder["out.onnx"], "--structural", "--amount", "0.5")).AssertFailed(1, "has no axis that can be pruned", file);
        (await CommandRun.Of("prune", file, "-o", _folder["out.onnx"], "--amount", "0.5")).AssertFailed(1, "No weight is in scope");
        Assert.Equal([file], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("out.th", "ends in .onnx")]
    [InlineData("out.onnx", "--format", "--format", "pytorch")]
    public async Task Prune_ToAnotherFormat_IsWrongUsage(string output, string says, params string[] options) =>
        (await CommandRun.Of(["prune", Mnist, "-o", _folder[output], "--amount", "0.5", .. options])).AssertFailed(2, says);

    [Fact]
    public async Task Compare_OfModelsWithOtherInputs_IsWrongUsage() =>
        (await CommandRun.Of("compare", Mnist, Write("relu.onnx", new NodeProto { OpType = "Relu", Inputs = { "x" }, Outputs = { "y" } })))
            .AssertFailed(2, "relu.onnx", "[1, 1, 28, 28]", "[1, 4]");

    private string Write(string name, NodeProto node)
    {
        var graph = new GraphProto { Name = "g" };
        graph.Nodes.Add(node);
        graph.Inputs.Add(ValueInfoProto.From("x", TensorDataType.Float, [new() { Param = "batch" }, new() { Value = 4 }]));
        graph.Outputs.Add(new() { Name = "y" });
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImports.Add(new() { Domain = "", Version = 17 });
        OnnxFile.Save(model, _folder[name]);
        return _folder[name];
    }
}
