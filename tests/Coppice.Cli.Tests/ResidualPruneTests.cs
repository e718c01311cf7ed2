using System.Text.Json;
using Coppice.Tests.Pruning.Onnx;

namespace Coppice.Cli.Tests;

/// <summary><c>coppice prune --granularity layer</c> on image classifiers and ONNX files.</summary>
public sealed class ResidualPruneTests : IDisposable
{
    private const string Mean = "0.485,0.456,0.406", Std = "0.229,0.224,0.225";

    private static readonly string ResNet = TestData.InRepository("samples", "models", "cifar10-resnet", "resnet20-12fca82f.th");
    private static readonly string Images = TestData.InRepository("samples", "data", "cifar10", "test-500.bin");

    private readonly TempFolder _folder = new();
    private readonly TempFolder _inputs = new();

    public void Dispose()
    {
        _folder.Dispose();
        _inputs.Dispose();
    }

    [Fact]
    public async Task Prune_BlocksOfAResNet_LeavesAFileThatEveryVerbOpens()
    {
        var (output, plan, again) = (_folder["short.th"], _folder["plan.json"], _folder["again.th"]);
        var json = (await CommandRun.Of("prune", ResNet, "-o", output, "--arch", "resnet20", "--granularity", "layer", "--amount", "2",
            "--calibration", Images, "--plan", plan, "--json")).Json;
        var removed = json.GetProperty("removed").EnumerateArray().Select(name => name.GetString()).ToList();
        Assert.Equal(2, removed.Count);
        var blocks = json.GetProperty("blocks").EnumerateArray().ToList();
        Assert.Equal(7, blocks.Count);
        Assert.Equal(blocks.OrderBy(Score).Take(2).Select(Name).Order(), removed.Order());
        Assert.Equal(0, json.GetProperty("verification").GetProperty("largest_difference").GetDouble());
        Assert.Equal(File.ReadAllBytes(plan), File.ReadAllBytes(output + ".plan.json"));

        Assert.Equal(0, (await CommandRun.Of("prune", ResNet, "-o", again, "--arch", "resnet20", "--plan", plan)).ExitCode);
        Assert.Equal(File.ReadAllBytes(output), File.ReadAllBytes(again));
        (await CommandRun.Of("prune", output, "-o", _inputs["twice.th"], "--arch", "resnet20", "--plan", plan)).AssertFailed(1, $"'{removed[0]}'");

        var inspected = (await CommandRun.Of("inspect", output, "--arch", "resnet20", "--json")).Json;
        Assert.Equal(json.GetProperty("macs").GetProperty("after").GetInt64(), inspected.GetProperty("macs").GetInt64());
        Assert.Equal(0, (await CommandRun.Of("groups", output, "--arch", "resnet20")).ExitCode);
        var accuracy = (await CommandRun.Of("eval", output, "--arch", "resnet20", "--data", Images, "--json")).Json.GetProperty("accuracy").GetDouble();
        Assert.InRange(accuracy, 0.2, 0.9);
        Assert.Equal(0, (await CommandRun.Of("prune", output, "-o", _folder["half.th"], "--arch", "resnet20", "--structural", "--amount", "0.5")).ExitCode);
        Assert.Equal(0, (await CommandRun.Of("export", _folder["half.th"], "-o", _folder["half.onnx"], "--arch", "resnet20")).ExitCode);

        var both = (await CommandRun.Of("prune", ResNet, "-o", _folder["both.th"], "--arch", "resnet20", "--plan", _folder["half.th.plan.json"],
            "--json")).Json;
        Assert.Equal(removed.Order(), both.GetProperty("left_out").EnumerateArray().Select(name => name.GetString()).Order());
        Assert.Equal(json.GetProperty("macs").GetProperty("before").GetInt64(), both.GetProperty("macs").GetProperty("before").GetInt64());
        Assert.Equal(File.ReadAllBytes(_folder["half.th"]), File.ReadAllBytes(_folder["both.th"]));

        static double Score(JsonElement block) => block.GetProperty("score").GetDouble();
        static string? Name(JsonElement block) => block.GetProperty("name").GetString();
    }

    /// <summary>The same blocks go from a checkpoint and from its export, and what is left computes the same.</summary>
    [Fact]
    public async Task Prune_BlocksOfAnExportedResNet_AreThoseOfTheCheckpoint()
    {
        var (model, output) = (_inputs["resnet20.onnx"], _folder["short.onnx"]);
        Assert.Equal(0, (await CommandRun.Of("export", ResNet, "-o", model, "--arch", "resnet20")).ExitCode);
        string[] asked = ["--granularity", "layer", "--amount", "0.3", "--calibration", Images];
        var json = (await CommandRun.Of(["prune", model, "-o", output, "--mean", Mean, "--std", Std, "--plan", _folder["plan.json"], "--json",
            .. asked])).Json;
        var eager = (await CommandRun.Of(["prune", ResNet, "-o", _folder["short.th"], "--arch", "resnet20", "--json", .. asked])).Json;
        Assert.Equal(eager.GetProperty("removed").EnumerateArray().Select(name => name.GetString()),
            json.GetProperty("removed").EnumerateArray().Select(name => name.GetString()!.Split('/')[0]));
        Assert.Equal(eager.GetProperty("macs").GetRawText(), json.GetProperty("macs").GetRawText());

        Assert.Equal(0, (await CommandRun.Of("prune", model, "-o", _folder["again.onnx"], "--plan", _folder["plan.json"])).ExitCode);
        Assert.Equal(File.ReadAllBytes(output), File.ReadAllBytes(_folder["again.onnx"]));
        var accuracy = (await CommandRun.Of("eval", output, "--data", Images, "--mean", Mean, "--std", Std, "--json")).Json;
        var same = (await CommandRun.Of("eval", _folder["short.th"], "--arch", "resnet20", "--data", Images, "--json")).Json;
        Assert.Equal(same.GetProperty("accuracy").GetDouble(), accuracy.GetProperty("accuracy").GetDouble());
        Assert.Equal(0, (await CommandRun.Of("inspect", output)).ExitCode);
        Assert.Equal(0, (await CommandRun.Of("groups", output)).ExitCode);
        Assert.Equal(0, (await CommandRun.Of("compare", model, output, "--rounds", "1")).ExitCode);
    }

    [Fact]
    public async Task Prune_BlocksWithNewStatistics_KeepsMoreOfTheAccuracy()
    {
        var plain = await Accuracy("plain.th");
        var better = await Accuracy("better.th", "--compensate", "batch-norm");
        Assert.True(better > plain + 0.05, $"{plain} -> {better}");

        async Task<double> Accuracy(string name, params string[] options)
        {
            Assert.Equal(0, (await CommandRun.Of(["prune", ResNet, "-o", _folder[name], "--arch", "resnet20", "--granularity", "layer", "--amount",
                "2", "--calibration", Images, .. options])).ExitCode);
            return (await CommandRun.Of("eval", _folder[name], "--arch", "resnet20", "--data", Images, "--json")).Json.GetProperty("accuracy").GetDouble();
        }
    }

    [Fact]
    public async Task Prune_BlocksWithADryRun_WritesNothing()
    {
        var run = await CommandRun.Of("prune", Two(), "--dry-run", "--granularity", "layer", "--amount", "0.5", "--calibration", "random");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("residual blocks: 2 -> 1", run.Output, StringComparison.Ordinal);
        Assert.Contains("dry run", run.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(2, "would remove 2 of 2 blocks; at least one has to go, and one to stay", "--amount", "1.0")]
    [InlineData(2, "would remove 0", "--amount", "0.1")]
    [InlineData(2, "would remove 7", "--amount", "7")]
    [InlineData(2, "neither a fraction", "--amount", "half")]
    [InlineData(2, "not for single residual blocks", "--amount", "1", "--importance", "angular")]
    [InlineData(2, "scores channels", "--amount", "1", "--importance", "l1")]
    [InlineData(2, "--scope does not go with", "--amount", "1", "--scope", "global")]
    [InlineData(2, "is about channels", "--amount", "1", "--compensate", "bias")]
    [InlineData(2, "no batch normalisation", "--amount", "1", "--compensate", "batch-norm")]
    public async Task Prune_BlocksThatCantGo_SaysWhyAndWritesNothing(int code, string says, params string[] options)
    {
        (await CommandRun.Of(["prune", Two(), "-o", _folder["out.onnx"], "--granularity", "layer", "--calibration", "random", .. options]))
            .AssertFailed(code, says);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Prune_WithoutResidualBlocks_SaysSo()
    {
        var model = TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx");
        (await CommandRun.Of("prune", model, "-o", _folder["out.onnx"], "--granularity", "layer", "--amount", "1", "--calibration", "random"))
            .AssertFailed(1, "no residual block");
        (await CommandRun.Of("prune", CommandRun.Stories, "-o", _folder["out"], "--granularity", "layer", "--amount", "1", "--calibration", "random",
            "--plan", _folder["plan.json"])).AssertFailed(2, "--plan does not go with");
    }

    /// <summary>A net of two residual blocks.</summary>
    private string Two() => new TinyOnnx().Weight("a", 4, 4).Weight("b", 4, 4)
        .Add("MatMul", ["x", "a"], "f").Add("Add", ["x", "f"], "first").Add("MatMul", ["first", "b"], "g").Add("Add", ["first", "g"], "y")
        .Save(_inputs["two.onnx"], 2, 4);
}
