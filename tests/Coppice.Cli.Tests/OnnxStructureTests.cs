using System.Buffers.Binary;
using System.IO.Compression;
using Coppice.Onnx;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Onnx;

namespace Coppice.Cli.Tests;

/// <summary>Plans, compensation and bad input of <c>coppice prune</c> on ONNX files.</summary>
public sealed class OnnxStructureTests : IDisposable
{
    private const string Scale = "0.003921569";

    private static readonly string Mnist = TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx");

    private readonly TempFolder _folder = new();
    private readonly TempFolder _inputs = new();

    public void Dispose()
    {
        _folder.Dispose();
        _inputs.Dispose();
    }

    [Fact]
    public async Task Prune_ByThePlanOfAnotherRun_WritesTheSameFile()
    {
        var plan = await Plan();
        var json = (await CommandRun.Of("prune", Mnist, "-o", _folder["again.onnx"], "--plan", plan, "--json")).Json;
        Assert.Equal([6, 12], json.GetProperty("groups").EnumerateArray().Select(group => group.GetProperty("after").GetInt32()).Order());
        Assert.Equal(File.ReadAllBytes(_inputs["small.onnx"]), File.ReadAllBytes(_folder["again.onnx"]));
    }

    [Fact]
    public async Task Prune_ByAPlanThatDoesNotFit_NamesTheFirstTensorThatDiffersAndWritesNothing()
    {
        var plan = await Plan();
        foreach (var (model, says) in new[] { (_inputs["small.onnx"], "'Parameter193' has shape [12, 4, 4, 10] here"), (Two(), "cuts 'Parameter193'") })
            (await CommandRun.Of("prune", model, "-o", _folder["out.onnx"], "--plan", plan)).AssertFailed(1, "for another model", says);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(2, "--criterion does not go with --plan", "plan.json", "--importance", "l2")]
    [InlineData(2, "--scope does not go with --plan", "plan.json", "--scope", "global")]
    [InlineData(2, "There is no plan", "none.json")]
    [InlineData(1, "no structural plan", "text.json")]
    [InlineData(2, "exists; choose another --plan", "plan.json", "--amount", "0.5")]
    public async Task Prune_ByAPlanThatCantBe_SaysWhy(int code, string says, string plan, params string[] options)
    {
        await Plan();
        File.WriteAllText(_inputs["text.json"], "{ \"what\": 1 }");
        (await CommandRun.Of(["prune", Mnist, "-o", _folder["out.onnx"], "--structural", "--plan", _inputs[plan], .. options]))
            .AssertFailed(code, says);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Prune_PlanOverTheModel_IsRefused()
    {
        var model = Two();
        var before = File.ReadAllBytes(model);
        (await CommandRun.Of("prune", model, "-o", _folder["out.onnx"], "--structural", "--amount", "0.5", "--plan", model, "--overwrite"))
            .AssertFailed(2, "is the input itself");
        Assert.Equal(before, File.ReadAllBytes(model));
    }

    [Theory]
    [InlineData("out.onnx")]
    [InlineData("out.onnx.data")]
    public async Task Prune_PlanOverTheOutput_IsRefusedBeforeTheWork(string plan)
    {
        (await CommandRun.Of("prune", Two(), "-o", _folder["out.onnx"], "--structural", "--amount", "0.5", "--plan", _folder[plan]))
            .AssertFailed(2, "is where -o");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Prune_Compensated_KeepsMoreOfTheAccuracy()
    {
        var plain = await Accuracy("plain.onnx");
        var better = await Accuracy("better.onnx", "--compensate", "least-squares", "--calibration", Digits(), "--std", Scale);
        Assert.True(better > plain + 0.1, $"{plain} -> {better}");

        async Task<double> Accuracy(string name, params string[] options)
        {
            var json = (await CommandRun.Of(["prune", Mnist, "-o", _folder[name], "--structural", "--amount", "0.5", "--json", .. options])).Json;
            Assert.Equal(options.Length > 0 ? "least-squares in 2 layers" : null, json.GetProperty("compensation").GetString());
            return (await CommandRun.Of("eval", _folder[name], "--data", Digits(), "--std", Scale, "--json")).Json.GetProperty("accuracy").GetDouble();
        }
    }

    [Fact]
    public async Task Prune_CompensationOfWeightsThatSeveralLayersRead_SaysWhyNothingWasDone()
    {
        var model = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Relu", ["a"], "b").Add("Conv", ["b", "w2"], "c").Add("Abs", ["b"], "d")
            .Add("Conv", ["d", "w2"], "e").Add("Add", ["c", "e"], "y").Weight("w1", 4, 2, 1, 1).Weight("w2", 3, 4, 1, 1)
            .Save(_inputs["twice.onnx"], 1, 2, 4, 4);
        var json = (await CommandRun.Of("prune", model, "--dry-run", "--structural", "--amount", "0.5", "--compensate", "bias", "--calibration",
            "random", "--json")).Json;
        Assert.Equal("bias in 0 layers (several layers read w2: left alone)", json.GetProperty("compensation").GetString());
    }

    [Fact]
    public async Task Prune_CompensatedWithADryRun_SaysWhatWouldBeDone()
    {
        var json = (await CommandRun.Of("prune", Two(), "--dry-run", "--amount", "0.5", "--compensate", "bias", "--calibration", "random",
            "--json")).Json;
        Assert.Equal("bias in 1 layers", json.GetProperty("compensation").GetString());
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(2, "no batch normalisation", "--compensate", "batch-norm", "--calibration", "random")]
    [InlineData(2, "give --calibration", "--compensate", "bias")]
    [InlineData(1, "There is no file", "--compensate", "bias", "--calibration", "nowhere.bin")]
    public async Task Prune_CompensationThatCantBe_SaysWhy(int code, string says, params string[] options)
    {
        (await CommandRun.Of(["prune", Mnist, "-o", _folder["out.onnx"], "--amount", "0.5", .. options])).AssertFailed(code, says);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("is Input3 F32 [1, 1, 28, 28], not [28, 28]", "--amount", "0.5", "--input", "28x28")]
    [InlineData("is Input3 F32 [1, 1, 28, 28], not [1, 1, 28, 28, 1]", "--amount", "0.5", "--input", "Input3=1x1x28x28x1")]
    [InlineData("there is no input 'x'", "--amount", "0.5", "--input", "x=1x1x28x28")]
    [InlineData("would leave nothing of group", "--amount", "0.99")]
    [InlineData("input 'Input3' is", "--amount", "0.5", "--input", "0")]
    [InlineData("nothing has to go", "--target-latency", "10s")]
    [InlineData("out of reach", "--target-latency", "0.0001us")]
    [InlineData("out of reach", "--target-size", "1kB")]
    public async Task Prune_WhatCantBe_SaysWhyAndWritesNothing(string says, params string[] options)
    {
        (await CommandRun.Of(["prune", Mnist, "-o", _folder["out.onnx"], "--structural", "--plan", _folder["plan.json"], .. options]))
            .AssertFailed(1, says);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Prune_OutputWhoseSizeComesFromData_IsComparedWhereThatIsChosen()
    {
        var model = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Conv", ["a", "w2"], "b")
            .Add("ReduceMax", ["b"], "m", AttributeProto.From("keepdims", 0L)).Add("Mul", ["m", "scale"], "s")
            .Add("Abs", ["s"], "p").Add("Cast", ["p"], "n", AttributeProto.From("to", 7L))
            .Add("Unsqueeze", ["n", "zero"], "size").Add("ConstantOfShape", ["size"], "zeros").Add("Cos", ["zeros"], "y")
            .Weight("w1", 4, 2, 1, 1).Weight("w2", 3, 4, 1, 1).Numbers("zero", 0).Store("scale", Tensor.Full([], 100))
            .Save(_inputs["data.onnx"], 1, 2, 2, 2);
        var json = (await CommandRun.Of("prune", model, "-o", _folder["out.onnx"], "--structural", "--amount", "0.5", "--json")).Json;
        Assert.Equal("w1", Assert.Single(json.GetProperty("groups").EnumerateArray()).GetProperty("tensor").GetString());
        Assert.Equal(0, json.GetProperty("verification").GetProperty("unchecked").GetArrayLength());
    }

    [Fact]
    public async Task Prune_ChannelsCutAtAPlaceThatComesFromData_FailsNamingTheNode()
    {
        var model = new TinyOnnx().Weight("w1", 4, 2, 1, 1).Add("Conv", ["x", "w1"], "a").Add("GlobalMaxPool", ["a"], "p")
            .Numbers("four", 4).Add("Reshape", ["p", "four"], "scores").Add("ArgMax", ["scores"], "from", AttributeProto.From("axis", 0L))
            .Numbers("one", 1).Add("Slice", ["a", "from", "four", "one"], "rest").Add("ReduceSum", ["rest", "one"], "y")
            .Save(_inputs["data.onnx"], 1, 2, 2, 2);
        (await CommandRun.Of("prune", model, "-o", _folder["out.onnx"], "--structural", "--amount", "0.5"))
            .AssertFailed(1, "data.onnx has no axis that can be pruned", "Slice 'rest': where it cuts or adds depends on the values of the inputs");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    /// <summary>A quarter of the channels, and where that was put down.</summary>
    private async Task<string> Plan()
    {
        var run = await CommandRun.Of("prune", Mnist, "-o", _inputs["small.onnx"], "--structural", "--amount", "0.25", "--plan", _inputs["plan.json"]);
        Assert.Equal(0, run.ExitCode);
        return _inputs["plan.json"];
    }

    private string Two() => new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Relu", ["a"], "b").Add("Conv", ["b", "w2"], "y")
        .Weight("w1", 4, 2, 1, 1).Weight("w2", 3, 4, 1, 1).Save(_inputs["two.onnx"], 1, 2, 4, 4);

    /// <summary>The first test images, in files as MNIST's.</summary>
    private string Digits()
    {
        const int count = 300;
        foreach (var (name, header, each) in new[] { ("t10k-labels-idx1-ubyte", 8, 1), ("t10k-images-idx3-ubyte", 16, 28 * 28) })
        {
            using var file = File.OpenRead(TestData.InRepository("samples", "data", "mnist", name + ".gz"));
            using var content = new GZipStream(file, CompressionMode.Decompress);
            var bytes = new byte[header + count * each];
            content.ReadExactly(bytes);
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), count);
            _inputs.Write(name, bytes);
        }
        return _inputs["t10k-images-idx3-ubyte"];
    }
}
