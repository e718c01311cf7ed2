using Coppice.Tensors.Kernels;

namespace Coppice.Cli.Tests;

/// <summary>What all verbs have in common.</summary>
public sealed class CoppiceCommandTests
{
    public static TheoryData<string> Verbs => ["inspect", "prune", "generate", "eval", "compare"];

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task Help_OfEachVerb_ShowsAnExampleAndTheCommonOptions(string verb)
    {
        var run = await CommandRun.Of(verb, "--help");
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Empty(run.Error);
        var example = run.Output[run.Output.IndexOf("Example", StringComparison.Ordinal)..];
        Assert.Contains($"  coppice {verb} ", example, StringComparison.Ordinal);
        Assert.All(["--json", "--threads", "--seed", "--quiet"], option => Assert.Contains(option, run.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Help_OfTheRoot_ListsTheVerbs()
    {
        var run = await CommandRun.Of("--help");
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.All(Verbs, verb => Assert.Contains($"  {verb.Data} ", run.Output, StringComparison.Ordinal));
        Assert.DoesNotContain(MeasureMemoryCommand.Name, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void CommandLines_ReadAtTheSameTime_DoNotMeet() =>
        Parallel.For(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var help = CommandRun.Of("prune", "--help").GetAwaiter().GetResult();
            Assert.Contains("--target-macs", help.Output, StringComparison.Ordinal);
            CommandRun.Of("inspect", "model", "--threads", "0").GetAwaiter().GetResult().AssertFailed(ExitCode.Usage, "--threads");
        });

    [Theory]
    [InlineData("No verb")]
    [InlineData("Unknown verb", "magic")]
    [InlineData("Unknown option", "inspect", "model", "--magic")]
    [InlineData("Missing path", "inspect")]
    [InlineData("Two paths", "inspect", "one", "two")]
    [InlineData("Missing prompt", "generate", "model")]
    [InlineData("Word for a number", "generate", "model", "--prompt", "x", "--top-k", "many")]
    [InlineData("No threads", "inspect", "model", "--threads", "0")]
    [InlineData("Too many threads", "inspect", "model", "--threads", "1025")]
    public async Task Usage_ThatIsWrong_ExitsWith2AndPointsToHelp(string what, params string[] args)
    {
        var run = await CommandRun.Of(args);
        run.AssertFailed(ExitCode.Usage, "See: coppice", "--help");
        Assert.NotEmpty(what);
    }

    [Theory]
    [InlineData("inspect")]
    [InlineData("prune", "--amount", "0.3", "--dry-run")]
    [InlineData("generate", "--prompt", "x")]
    [InlineData("eval", "--text", "x")]
    [InlineData("compare", "also-missing")]
    public async Task Path_ThatIsMissing_IsNamed(string verb, params string[] rest)
    {
        var run = await CommandRun.Of([verb, "/no/such/model", .. rest]);
        run.AssertFailed(ExitCode.Failed, "/no/such/model");
    }

    [Theory]
    [InlineData("inspect")]
    [InlineData("prune", "--amount", "0.3", "--dry-run")]
    [InlineData("compare")]
    public async Task File_ThatIsNoCheckpoint_IsRefused(string verb, params string[] rest)
    {
        using var folder = new TempFolder();
        var path = folder.Write("text.safetensors", "This is text and no model, however it is named."u8);
        var run = await CommandRun.Of([verb, path, .. verb == "compare" ? [path] : rest]);
        run.AssertFailed(ExitCode.Failed, path);
    }

    [Fact]
    public async Task File_ThatIsTruncated_IsRefused()
    {
        using var folder = new TempFolder();
        var bytes = File.ReadAllBytes(CommandRun.StoriesFile);
        var path = folder.Write("half.safetensors", bytes.AsSpan(0, bytes.Length / 2));
        (await CommandRun.Of("inspect", path)).AssertFailed(ExitCode.Failed, path);
        var output = Path.Combine(folder.Path, "out.safetensors");
        (await CommandRun.Of("prune", path, "-o", output, "--amount", "0.3")).AssertFailed(ExitCode.Failed, path);
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Json_OfEachVerb_IsOneObjectAndNothingElse()
    {
        CommandRun[] runs =
        [
            await CommandRun.Of("inspect", CommandRun.Stories, "--json"),
            await CommandRun.Of("prune", CommandRun.Stories, "--amount", "0.3", "--dry-run", "--json"),
            await CommandRun.Of("generate", CommandRun.Gpt2, "--prompt", "The", "--max-new-tokens", "2", "--stream", "--json"),
            await CommandRun.Of("eval", CommandRun.Gpt2, "--text", CommandRun.Shakespeare, "--windows", "1", "--json"),
            await CommandRun.Of("compare", CommandRun.Stories, CommandRun.Stories, "--json"),
        ];
        Assert.All(runs, run => Assert.NotEmpty(run.Json.EnumerateObject()));
    }

    [Fact]
    public async Task Quiet_Prune_PrintsNoNotes()
    {
        using var folder = new TempFolder();
        var loud = await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", Path.Combine(folder.Path, "a.safetensors"), "--amount",
            "0.3");
        var quiet = await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", Path.Combine(folder.Path, "b.safetensors"), "--amount",
            "0.3", "--quiet");
        Assert.Contains("compress", loud.Error, StringComparison.Ordinal);
        Assert.Empty(quiet.Error);
    }

    [Fact]
    public async Task Threads_OneOrMore_WriteTheSameBytes()
    {
        using var folder = new TempFolder();
        var (one, three) = (Path.Combine(folder.Path, "1.safetensors"), Path.Combine(folder.Path, "3.safetensors"));
        var before = Workers.ThreadCount;
        try
        {
            Assert.Equal(0, (await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", one, "--scope", "global", "--amount", "0.5",
                "--threads", "1")).ExitCode);
            Assert.Equal(0, (await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", three, "--scope", "global", "--amount", "0.5",
                "--threads", "3")).ExitCode);
        }
        finally
        {
            Workers.ThreadCount = before;
        }
        Assert.Equal(File.ReadAllBytes(one), File.ReadAllBytes(three));
    }

    [Theory]
    [InlineData("inspect")]
    [InlineData("generate", "--prompt", "x")]
    [InlineData("compare", "SAME")]
    public async Task Cancellation_OfAVerb_ExitsWith130(string verb, params string[] rest)
    {
        var run = await CommandRun.Of(new CancellationToken(canceled: true),
            [verb, CommandRun.Gpt2, .. rest.Select(arg => arg == "SAME" ? CommandRun.Gpt2 : arg)]);
        run.AssertFailed(ExitCode.Cancelled, "cancelled");
    }

    [Theory]
    [InlineData("inspect")]
    [InlineData("groups")]
    [InlineData("prune", "--structural", "--amount", "0.5", "--dry-run")]
    public async Task Cancellation_WhileAModelIsAnalysed_ExitsWith130(string verb, params string[] rest)
    {
        var run = await CommandRun.Of(new CancellationToken(canceled: true),
            [verb, TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx"), .. rest]);
        run.AssertFailed(ExitCode.Cancelled, "cancelled");
    }
}
