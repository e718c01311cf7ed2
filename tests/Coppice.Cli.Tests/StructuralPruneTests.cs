using System.CommandLine;
using System.Text.Json;
using Coppice.Pruning.Dependency;

namespace Coppice.Cli.Tests;

public sealed class StructuralPruneTests : IDisposable
{
    private static readonly string ResNet = TestData.InRepository("samples", "models", "cifar10-resnet", "resnet20-12fca82f.th");
    private static readonly string Images = TestData.InRepository("samples", "data", "cifar10", "test-500.bin");

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Groups_OfAFolder_ListsHeadsNeuronsAndWhatIsPinned()
    {
        var json = (await CommandRun.Of("groups", CommandRun.Gpt2, "--input", "6", "--json")).Json;
        var groups = json.GetProperty("groups").EnumerateArray().ToList();
        Assert.Equal(12, groups.Count(group => Kind(group) == "head" && group.GetProperty("size").GetInt32() == 4));
        Assert.Equal(12, groups.Count(group => Kind(group) == "neuron" && group.GetProperty("size").GetInt32() == 512));
        Assert.Equal(128 + 1 + 128, groups.First(group => Kind(group) == "neuron").GetProperty("parameters_per_index").GetInt32());
        Assert.Contains(json.GetProperty("pinned").EnumerateArray(),
            axis => axis.GetProperty("reason").GetString()!.Contains("vocabulary", StringComparison.Ordinal));
        var table = (await CommandRun.Of("groups", CommandRun.Gpt2, "--input", "6")).Output;
        Assert.Contains("transformer.h.0.mlp.c_fc.weight[1]", table, StringComparison.Ordinal);

        static string Kind(JsonElement group) => group.GetProperty("kind").GetString()!;
    }

    [Theory]
    [InlineData("true", 1)]
    [InlineData("false", 4)]
    public async Task Prune_OfAFolderByAGlobalRanking_LeavesLayersAlikeUnlessAskedNotTo(string uniform, int widthsLeft)
    {
        var json = (await CommandRun.Of("prune", CommandRun.Stories, "-o", Path.Combine(_folder.Path, uniform), "--granularity", "neuron", "--scope", "global",
            "--amount", "0.3", "--uniform", uniform, "--input", "6", "--json")).Json;
        var widths = json.GetProperty("groups").EnumerateArray().Where(group => group.GetProperty("before").GetInt32() == 172)
            .Select(group => group.GetProperty("after").GetInt32());
        Assert.Equal(widthsLeft, widths.Distinct().Count());
    }

    [Fact]
    public async Task Prune_HeadsOfAFolder_WritesAFolderThatRuns()
    {
        var output = Path.Combine(_folder.Path, "smaller");
        var json = (await CommandRun.Of("prune", CommandRun.Gpt2, "-o", output, "--granularity", "head", "--amount", "0.25", "--input", "6",
            "--json")).Json;
        Assert.Equal(12, json.GetProperty("groups").GetArrayLength());
        Assert.InRange(json.GetProperty("verification").GetProperty("largest_difference").GetDouble(), 0, 1e-4);
        using (var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(output, "config.json"))))
            Assert.Equal(1, config.RootElement.GetProperty("pruned_heads").GetProperty("0").GetArrayLength());
        Assert.Equal(0, (await CommandRun.Of("generate", output, "--prompt", "One day", "--max-new-tokens", "3")).ExitCode);
    }

    [Fact]
    public async Task Prune_ResNetToHalfTheMacs_CanBeEvaluatedAndPrunedAgain()
    {
        var (output, plan) = (Path.Combine(_folder.Path, "half.th"), Path.Combine(_folder.Path, "plan.json"));
        var json = (await CommandRun.Of("prune", ResNet, "-o", output, "--arch", "resnet20", "--target-macs", "0.8", "--scope", "global",
            "--importance", "bn", "--plan", plan, "--json")).Json;
        var macs = json.GetProperty("macs");
        Assert.InRange((double)macs.GetProperty("after").GetInt64() / macs.GetProperty("before").GetInt64(), 0.75, 0.8);
        Assert.Equal(File.ReadAllBytes(plan), File.ReadAllBytes(output + ".plan.json"));
        var inspected = (await CommandRun.Of("inspect", output, "--arch", "resnet20", "--json")).Json;
        Assert.Equal(macs.GetProperty("after").GetInt64(), inspected.GetProperty("macs").GetInt64());
        var measured = (await CommandRun.Of("eval", output, "--arch", "resnet20", "--data", Images, "--json")).Json;
        Assert.InRange(measured.GetProperty("accuracy").GetDouble(), 0.1, 1);
        var zeroed = Path.Combine(_folder.Path, "zeros.th");
        Assert.Equal(0, (await CommandRun.Of("prune", output, "-o", zeroed, "--amount", "0.1")).ExitCode);
        Assert.Equal(0, (await CommandRun.Of("inspect", zeroed, "--arch", "resnet20")).ExitCode);
    }

    [Fact]
    public async Task Prune_ByTaylor_TakesGradientsFromData()
    {
        var json = (await CommandRun.Of("prune", ResNet, "--dry-run", "--arch", "resnet20", "--amount", "0.25",
            "--importance", "taylor", "--data", Images, "--json")).Json;
        Assert.Equal(JsonValueKind.Null, json.GetProperty("output").ValueKind);
        Assert.NotEqual(0, json.GetProperty("groups").GetArrayLength());
    }

    [Theory]
    [InlineData("--method does not go with removing", "--structural", "--amount", "0.5", "--method", "l1")]
    [InlineData("--granularity 2:4 is none of structural", "--structural", "--granularity", "2:4", "--amount", "0.5")]
    [InlineData("no ratio in 0..1", "--structural", "--amount", "7")]
    [InlineData("goes by gradients", "--amount", "0.5", "--importance", "taylor")]
    [InlineData("goes by gradients", "--amount", "0.5", "--criterion", "fisher", "--calibration", "random")]
    [InlineData("looks at activations", "--amount", "0.5", "--criterion", "wanda")]
    [InlineData("looks at activations", "--amount", "0.5", "--compensate", "bias")]
    [InlineData("none of least-squares", "--amount", "0.5", "--compensate", "magic", "--calibration", "random")]
    [InlineData("leave bias out", "--amount", "0.5", "--compensate", "bias", "least-squares", "--calibration", "random")]
    [InlineData("about layers", "--amount", "0.5", "--criterion", "angular")]
    [InlineData("is not a time such as 8ms", "--target-latency", "8")]
    [InlineData("is not a size such as 2MB", "--target-size", "2")]
    [InlineData("scores blocks on --calibration FILE", "--granularity", "layer", "--amount", "0.5")]
    [InlineData("--target-macs does not go with", "--granularity", "layer", "--target-macs", "0.5")]
    [InlineData("takes --amount", "--granularity", "layer")]
    [InlineData("--arch does not go with", "--granularity", "vocabulary", "--amount", "0.5")]
    [InlineData("Give one of", "--structural")]
    [InlineData("beside --ratio", "--structural", "--ratio", "conv1.*=0.5")]
    [InlineData("2 is no share", "--target-macs", "2")]
    [InlineData("-1 is no share", "--amount", "0.5", "--max-ratio", "-1")]
    [InlineData("multiples of 0", "--amount", "0.5", "--round-to", "0")]
    [InlineData("A ratio of 1 would leave nothing", "--structural", "--amount", "1")]
    [InlineData("have no ratios of their own", "--amount", "0.5", "--structural", "--ratio", "conv1.*=0.5", "--scope", "global")]
    [InlineData("--criterion angular is about layers", "--amount", "0.5", "--importance", "angular")]
    [InlineData("Give one of", "--amount", "0.5", "--target-macs", "0.5")]
    public async Task Prune_WithOptionsThatDontFit_SaysSo(string says, params string[] options) =>
        (await CommandRun.Of(["prune", ResNet, "--arch", "resnet20", "-o", Path.Combine(_folder.Path, "out.th"), .. options]))
            .AssertFailed(2, says);

    [Fact]
    public async Task Prune_Vocabulary_LeavesAFolderThatIsEvaluatedTheSame()
    {
        var (model, data) = (CommandRun.Bert, TestData.InRepository("samples", "data", "thucnews", "dev-1000.txt"));
        var output = Path.Combine(_folder.Path, "fewer");
        (await CommandRun.Of("prune", model, "-o", output, "--granularity", "vocabulary", "--amount", "0.8")).AssertFailed(2, "--calibration FILE");
        var json = (await CommandRun.Of("prune", model, "-o", output, "--granularity", "vocabulary", "--amount", "0.8", "--calibration", data, "--json")).Json;
        Assert.Equal(4226, json.GetProperty("tokens").GetProperty("after").GetInt32());
        Assert.Equal(0, json.GetProperty("calibration").GetProperty("newly_unknown").GetInt32());
        var accuracies = await Task.WhenAll(((string[])[model, output]).Select(async path =>
            (await CommandRun.Of("eval", path, "--data", data, "--json")).Json.GetProperty("accuracy").GetDouble()));
        Assert.Equal(accuracies[0], accuracies[1]);
    }

    [Fact]
    public async Task Prune_IsomorphicZeros_SaysWhatItIsFor() =>
        (await CommandRun.Of("prune", CommandRun.Gpt2, "--dry-run", "--amount", "0.5", "--scope", "isomorphic")).AssertFailed(2, "give --structural");

    [Fact]
    public async Task Prune_ToASize_LeavesAFileWithin()
    {
        var output = Path.Combine(_folder.Path, "small.th");
        var json = (await CommandRun.Of("prune", ResNet, "-o", output, "--arch", "resnet20", "--target-size", "600kB", "--scope", "global",
            "--json")).Json;
        Assert.InRange(new FileInfo(output).Length, 550 * 1024, 600 * 1024);
        Assert.Equal(0, (await CommandRun.Of("inspect", output, "--arch", "resnet20")).ExitCode);
        Assert.NotEqual(0, json.GetProperty("groups").GetArrayLength());
    }

    [Theory]
    [InlineData("10s", "nothing has to go")]
    [InlineData("0.1us", "out of reach")]
    public async Task Prune_ToATimeThatNeedsNothingOrTooMuch_SaysSo(string time, string says)
    {
        var output = Path.Combine(_folder.Path, "fast.th");
        (await CommandRun.Of("prune", ResNet, "-o", output, "--arch", "resnet20", "--target-latency", time)).AssertFailed(1, says);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Prune_LayersOfAFolder_WritesAFolderThatRuns()
    {
        var output = Path.Combine(_folder.Path, "shorter");
        var json = (await CommandRun.Of("prune", CommandRun.Stories, "-o", output, "--granularity", "layer", "--amount", "0.4", "--input", "16",
            "--calibration", CommandRun.Shakespeare, "--json")).Json;
        Assert.Equal(2, json.GetProperty("removed").GetArrayLength());
        Assert.Equal(5, json.GetProperty("scores").GetArrayLength());
        using (var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(output, "config.json"))))
            Assert.Equal(3, config.RootElement.GetProperty("num_hidden_layers").GetInt32());
        Assert.Equal(0, (await CommandRun.Of("generate", output, "--prompt", "One day", "--max-new-tokens", "3")).ExitCode);
        var angular = (await CommandRun.Of("prune", CommandRun.Stories, "--dry-run", "--granularity", "layer", "--amount", "0.4",
            "--input", "16", "--calibration", "random", "--criterion", "angular", "--json")).Json;
        Assert.Equal(4, angular.GetProperty("scores").GetArrayLength());
        var removed = angular.GetProperty("removed");
        Assert.Equal(removed[0].GetInt32() + 1, removed[1].GetInt32());
    }

    [Theory]
    [InlineData("gpt2-student", "other tools can't")]
    [InlineData("stories260K", "other tools can read the folder")]
    public async Task Prune_Width_SaysWhoCanReadTheFolder(string name, string says)
    {
        var run = await CommandRun.Of("prune", TestData.InRepository("samples", "models", name), "-o", _folder["narrow"], "--granularity", "width",
            "--amount", "0.25", "--input", "6");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prune_Width_SaysWhichStatisticsChange()
    {
        var output = Path.Combine(_folder.Path, "narrow");
        var json = (await CommandRun.Of("prune", CommandRun.Stories, "-o", output, "--granularity", "width", "--amount", "0.25", "--input", "6",
            "--json")).Json;
        Assert.NotEqual(0, json.GetProperty("verification").GetProperty("normalized").GetArrayLength());
        Assert.Equal(48, Assert.Single(json.GetProperty("groups").EnumerateArray()).GetProperty("after").GetInt32());
        Assert.Equal(0, (await CommandRun.Of("generate", output, "--prompt", "One day", "--max-new-tokens", "3")).ExitCode);
    }

    [Fact]
    public async Task Prune_WithCompensation_SaysWhatWasDone()
    {
        var json = (await CommandRun.Of("prune", ResNet, "--dry-run", "--arch", "resnet20", "--amount", "0.25", "--criterion", "wanda",
            "--calibration", Images, "--compensate", "least-squares", "batch-norm", "--json")).Json;
        Assert.Equal("least-squares in 19 layers, statistics of 19 batch normalisations", json.GetProperty("compensation").GetString());
    }

    [Theory]
    [InlineData("activation")]
    [InlineData("taylor2")]
    [InlineData("fisher")]
    [InlineData("lamp")]
    public async Task Prune_ByCriterion_RemovesAQuarter(string criterion)
    {
        string[] calibration = criterion == "lamp" ? [] : ["--calibration", CommandRun.Shakespeare];
        var json = (await CommandRun.Of(["prune", CommandRun.Stories, "--dry-run", "--granularity", "neuron", "--amount", "0.25", "--criterion", criterion,
            "--input", "8", "--json", .. calibration])).Json;
        Assert.All(json.GetProperty("groups").EnumerateArray(), group =>
            Assert.Equal(group.GetProperty("before").GetInt32() * 3 / 4, group.GetProperty("after").GetInt32()));
    }

    [Fact]
    public async Task Prune_AmountThatLeavesNothing_NamesTheGroup() =>
        (await CommandRun.Of("prune", ResNet, "-o", Path.Combine(_folder.Path, "out.th"), "--arch", "resnet20", "--structural", "--amount", "0.99"))
            .AssertFailed(1, "would leave nothing of group 0: 16 of conv1.weight[0]");

    [Theory]
    [InlineData("--round-to 64 leaves a multiple", "--amount", "0.5", "--round-to", "64")]
    [InlineData("--max-ratio 0 lets no index", "--amount", "0.5", "--max-ratio", "0")]
    [InlineData("less than one index", "--amount", "0.001")]
    [InlineData("within the target as it is", "--target-macs", "1")]
    [InlineData("within the target as it is", "--target-size", "2GB")]
    public async Task Prune_ThatCutsNothing_SaysWhyAndWritesNothing(string says, params string[] options)
    {
        (await CommandRun.Of(["prune", ResNet, "--arch", "resnet20", "-o", _folder["out.th"], "--structural", .. options]))
            .AssertFailed(1, "There is nothing to cut", says);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Prune_OfWhatWasCutAsMuchBefore_SaysThatRatiosCountFromTheStart()
    {
        string[] options = ["--granularity", "neuron", "--amount", "0.3", "--input", "6"];
        Assert.Equal(0, (await CommandRun.Of(["prune", CommandRun.Stories, "-o", _folder["once"], .. options])).ExitCode);
        (await CommandRun.Of(["prune", _folder["once"], "-o", _folder["twice"], .. options])).AssertFailed(1, "before the model was first cut");
        Assert.False(Directory.Exists(_folder["twice"]));
    }

    [Theory]
    [InlineData("groups")]
    [InlineData("export", "-o", "x.onnx")]
    [InlineData("prune", "-o", "x", "--granularity", "neuron", "--amount", "0.3")]
    [InlineData("prune", "-o", "x", "--granularity", "layer", "--amount", "1", "--calibration", "random")]
    public async Task AModelThatIsNotThere_IsSaidToBeMissing(string verb, params string[] options) =>
        (await CommandRun.Of([verb, _folder["nothing"], .. options])).AssertFailed(1, "there is no such file or folder");

    [Fact]
    public async Task Prune_TargetOutOfReach_FailsAndWritesNothing()
    {
        var output = Path.Combine(_folder.Path, "out.th");
        (await CommandRun.Of("prune", ResNet, "--arch", "resnet20", "-o", output, "--target-params", "0.01", "--max-ratio", "0.5"))
            .AssertFailed(1, "out of reach");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task VerificationThatFails_IsExitCode3()
    {
        using StringWriter output = new(), error = new();
        var root = new RootCommand();
        CommonOptions.AddTo(root);
        root.SetWork((_, _, _) => throw new VerificationException("outputs differ"));
        var code = await root.Parse([]).InvokeAsync(new() { EnableDefaultExceptionHandler = false, Output = output, Error = error });
        new CommandRun(code, output.ToString(), error.ToString()).AssertFailed(3, "outputs differ");
    }

    [Fact]
    public async Task Prune_OfABareFile_AsksForItsArchitecture() =>
        (await CommandRun.Of("prune", ResNet, "-o", Path.Combine(_folder.Path, "out.th"), "--structural", "--amount", "0.5"))
            .AssertFailed(2, "--arch", "resnet20");
}
