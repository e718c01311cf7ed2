namespace Coppice.Cli.Tests;

/// <summary>An option that the verb would not look at is refused, and named, before any file is opened.</summary>
public sealed class ModeTests
{
    private static readonly string Mnist = TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx");

    [Theory]
    [InlineData("--context", "eval", "folder", "--data", "x", "--context", "64")]
    [InlineData("--windows", "eval", "x.pt", "--arch", "resnet20", "--data", "x", "--windows", "2")]
    [InlineData("--mean", "eval", "folder", "--data", "x", "--mean", "0.5")]
    [InlineData("--std", "eval", "x.pt", "--arch", "resnet20", "--data", "x", "--std", "0.5")]
    [InlineData("--arch", "eval", "x.onnx", "--data", "x", "--arch", "nonsense")]
    [InlineData("--arch", "eval", "folder", "--text", "x", "--arch", "resnet20")]
    [InlineData("--task", "eval", "folder", "--text", "x", "--task", "classification")]
    [InlineData("--rows", "inspect", "folder", "--rows", "3")]
    [InlineData("--arch", "inspect", "x.pt", "--show", "a", "--arch", "resnet20")]
    [InlineData("--metric", "sensitivity", "folder", "--text", "x", "--metric", "f1")]
    [InlineData("--stride", "sensitivity", "folder", "--data", "x", "--stride", "3")]
    [InlineData("--by", "sensitivity", "folder", "--text", "x", "--by", "block", "--group", "*")]
    [InlineData("--top-k", "generate", "folder", "--prompt", "x", "--top-k", "3")]
    [InlineData("--top-p", "generate", "folder", "--prompt", "x", "--top-p", "0.5")]
    [InlineData("--seed", "train", "lock.json", "--verify", "--seed", "3")]
    [InlineData("--set", "train", "lock.json", "--verify", "--set", "a=3")]
    [InlineData("--text", "compare", "x.onnx", "y.onnx", "--text", "x")]
    [InlineData("--arch", "compare", "x.onnx", "y.onnx", "--arch", "resnet20")]
    [InlineData("--context", "compare", "x.pt", "y.pt", "--arch", "resnet20", "--context", "3")]
    [InlineData("--mean", "compare", "x.pt", "y.pt", "--arch", "resnet20", "--data", "x", "--mean", "0.5")]
    [InlineData("--mean", "compare", "x.onnx", "y.onnx", "--mean", "0.5")]
    [InlineData("--semantics", "prune", "x.onnx", "--dry-run", "--granularity", "layer", "--amount", "1", "--semantics", "torch")]
    [InlineData("--semantics", "prune", "x", "--dry-run", "--granularity", "vocabulary", "--amount", "0.5", "--semantics", "torch")]
    [InlineData("--semantics", "prune", "x", "--dry-run", "--structural", "--amount", "0.5", "--semantics", "strict")]
    [InlineData("--uniform", "prune", "x", "--dry-run", "--granularity", "layer", "--amount", "1", "--uniform")]
    [InlineData("--mean", "prune", "x", "--dry-run", "--structural", "--amount", "0.5", "--calibration", "x", "--mean", "0.5")]
    [InlineData("--std", "prune", "x.onnx", "--dry-run", "--structural", "--amount", "0.5", "--calibration", "random", "--std", "0.5")]
    [InlineData("give --structural", "prune", "x.onnx", "--dry-run", "--amount", "0.5", "--input", "1x1x28x28")]
    [InlineData("give --structural", "prune", "x.th", "--dry-run", "--amount", "0.5", "--arch", "resnet20")]
    [InlineData("give --structural", "prune", "x.th", "--dry-run", "--amount", "0.5", "--arch", "resnet20", "--granularity", "channel")]
    [InlineData("leave 2 out", "prune", "x", "--dry-run", "--amount", "0.5", "--norm", "2")]
    [InlineData("leave 1 out", "prune", "x", "--dry-run", "--amount", "0.5", "--dim", "1")]
    public async Task Option_ThatTheModeDoesNotRead_IsRefused(string names, params string[] args) =>
        (await CommandRun.Of(args)).AssertFailed(ExitCode.Usage, names);

    [Theory]
    [InlineData("--calibration", "--amount", "0.5", "--calibration", "random")]
    [InlineData("--uniform", "--amount", "0.5", "--uniform")]
    [InlineData("--normalizer", "--amount", "0.5", "--importance", "lamp", "--normalizer", "max")]
    public async Task StructuralOption_WithoutEffect_IsRefused(string names, params string[] options) =>
        (await CommandRun.Of(["prune", Mnist, "--dry-run", "--structural", .. options])).AssertFailed(ExitCode.Usage, names);

    [Fact]
    public async Task Compare_OfFiles_RefusesWhatModelsAreFor()
    {
        (await CommandRun.Of("compare", CommandRun.StoriesFile, CommandRun.StoriesFile, "--rounds", "3")).AssertFailed(ExitCode.Usage, "--rounds", "--arch");
        (await CommandRun.Of("compare", "nowhere", CommandRun.StoriesFile, "--rounds", "3")).AssertFailed(ExitCode.Failed, "nowhere");
    }

    [Fact]
    public async Task Compare_OfLanguageModels_RefusesWhatTheTextIsFor()
    {
        string[] both = ["compare", CommandRun.Stories, CommandRun.Stories];
        (await CommandRun.Of([.. both, "--context", "3"])).AssertFailed(ExitCode.Usage, "--context", "without --text");
        (await CommandRun.Of([.. both, "--data", "x"])).AssertFailed(ExitCode.Usage, "--data");
        (await CommandRun.Of([.. both, "--input", "6"])).AssertFailed(ExitCode.Usage, "--input");
    }
}
