namespace Coppice.Cli.Tests;

/// <summary>Runs as a process where a model is measured: the verb starts itself anew to measure memory.</summary>
public sealed class CompareCommandTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task LanguageModels_WithText_AreComparedInSizeSpeedOutputsAndPerplexity()
    {
        var pruned = await Prune(CommandRun.Gpt2);
        var json = (await CommandRun.OfProcess("compare", CommandRun.Gpt2, pruned, "--text", CommandRun.Shakespeare, "--windows", "2",
            "--rounds", "1", "--json")).Json;
        Assert.Equal(CommandRun.Gpt2, json.GetProperty("before").GetString());
        Assert.Equal(pruned, json.GetProperty("after").GetString());
        var files = json.GetProperty("files");
        Assert.Equal(0, files.GetProperty("before").GetProperty("zeros").GetInt64());
        Assert.Equal(1179648, files.GetProperty("after").GetProperty("zeros").GetInt64());
        Assert.True(files.GetProperty("after").GetProperty("gzip_bytes").GetInt64() < files.GetProperty("before").GetProperty("gzip_bytes")
            .GetInt64());
        Assert.True(json.GetProperty("peak_memory_bytes").GetProperty("before").GetInt64() > 10_000_000);
        Assert.True(json.GetProperty("decode").GetProperty("after").GetProperty("tokens_per_second").GetDouble() >= 0);
        var agreement = json.GetProperty("agreement_with_before");
        Assert.Equal(512, agreement.GetProperty("positions").GetInt64());
        Assert.InRange(agreement.GetProperty("top1_agreement").GetDouble(), 0.5, 0.99);
        Assert.InRange(agreement.GetProperty("mean_kl").GetDouble(), 1e-4, 1);
        var perplexity = json.GetProperty("perplexity");
        Assert.True(perplexity.GetProperty("after").GetDouble() > perplexity.GetProperty("before").GetDouble());
        Assert.Equal(2, json.GetProperty("greedy").GetArrayLength());
    }

    [Fact]
    public async Task LanguageModels_WithoutText_AreComparedOnTheModelsOwn()
    {
        var run = await CommandRun.OfProcess("compare", CommandRun.Gpt2, CommandRun.Gpt2, "--rounds", "1");
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("a sample of the model before", run.Output, StringComparison.Ordinal);
        Assert.Contains("greedy texts are the same", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"same likeliest output +100\.00 %", run.Output);
        Assert.DoesNotContain("perplexity", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Classifiers_WithData_AreComparedInAccuracy()
    {
        var pruned = await Prune(CommandRun.Bert);
        var lines = File.ReadLines(TestData.InRepository("samples", "data", "thucnews", "dev-1000.txt")).Take(40);
        var data = Path.Combine(_folder.Path, "dev.txt");
        File.WriteAllLines(data, lines);
        var json = (await CommandRun.OfProcess("compare", CommandRun.Bert, pruned, "--data", data, "--rounds", "1", "--json")).Json;
        var classification = json.GetProperty("classification");
        Assert.InRange(classification.GetProperty("before").GetProperty("accuracy").GetDouble(), 0.7, 1);
        Assert.InRange(classification.GetProperty("mcnemar_p_value").GetDouble(), 0, 1);
        Assert.Equal(40, json.GetProperty("agreement_with_before").GetProperty("positions").GetInt64());
        Assert.True(json.GetProperty("latency").GetProperty("before").GetProperty("examples_per_second").GetDouble() > 0);
    }

    [Fact]
    public async Task Files_OfAnUnknownModel_AreComparedAsFiles()
    {
        var run = await CommandRun.Of("compare", CommandRun.Stories, CommandRun.StoriesFile, "--json");
        Assert.False(run.Json.TryGetProperty("latency", out _));
        Assert.Equal(run.Json.GetProperty("files").GetProperty("before").GetRawText(),
            run.Json.GetProperty("files").GetProperty("after").GetRawText());
        (await CommandRun.Of("compare", CommandRun.Stories, CommandRun.StoriesFile, "--text", CommandRun.Shakespeare))
            .AssertFailed(ExitCode.Usage, "--text", "config.json");
    }

    [Theory]
    [InlineData("stories260K", false)]
    [InlineData("stories260K", true, "--mask")]
    [InlineData("stories260K", false, "--past")]
    [InlineData("bert-thucnews", false)]
    public async Task FolderAndItsExport_AreRunOnTheSameInputs(string name, bool isFileFirst, params string[] options)
    {
        var (folder, file) = (TestData.InRepository("samples", "models", name), _folder["model.onnx"]);
        Assert.Equal(0, (await CommandRun.Of(["export", folder, "-o", file, .. options])).ExitCode);
        var json = (await CommandRun.OfProcess("compare", isFileFirst ? file : folder, isFileFirst ? folder : file, "--rounds", "1", "--json")).Json;
        var output = json.GetProperty("outputs")[0];
        Assert.Equal("logits", output.GetProperty("name").GetString());
        Assert.InRange(output.GetProperty("largest_difference").GetDouble(), 0, 1e-3 * output.GetProperty("largest_value").GetDouble());
        Assert.True(json.GetProperty("latency").GetProperty("after").GetProperty("p50_ms").GetDouble() > 0);
        Assert.All(["before", "after"], which => Assert.True(json.GetProperty("peak_memory_bytes").GetProperty(which).GetInt64() > 1_000_000));
    }

    [Fact]
    public async Task FolderAndItsExport_HaveNoRowsForConstantsOfTheFile()
    {
        Assert.Equal(0, (await CommandRun.Of("export", CommandRun.Stories, "-o", _folder["model.onnx"])).ExitCode);
        var run = await CommandRun.OfProcess("compare", CommandRun.Stories, _folder["model.onnx"], "--rounds", "1");
        Assert.Contains("output 'logits', largest difference", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("absent", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FolderAndAnONNXFileOfOtherInputs_AreComparedAsFilesWhichIsSaid()
    {
        var file = TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx");
        var run = await CommandRun.Of("compare", CommandRun.Stories, file);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Speed, memory and outputs were not compared:", run.Output, StringComparison.Ordinal);
        Assert.Contains("it takes Input3", run.Output, StringComparison.Ordinal);
        Assert.Contains("not compared: these are not two models", (await CommandRun.Of("compare", CommandRun.Stories, CommandRun.StoriesFile)).Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Models_OfTwoKinds_AreRefused()
    {
        (await CommandRun.Of("compare", CommandRun.Gpt2, CommandRun.Bert)).AssertFailed(ExitCode.Failed, CommandRun.Bert);
        (await CommandRun.Of("compare", CommandRun.Bert, CommandRun.Gpt2)).AssertFailed(ExitCode.Failed, CommandRun.Gpt2);
    }

    [Fact]
    public async Task Rounds_OfNone_AreWrongUsage() =>
        (await CommandRun.Of("compare", CommandRun.Gpt2, CommandRun.Gpt2, "--rounds", "0")).AssertFailed(ExitCode.Usage, "--rounds");

    private async Task<string> Prune(string model)
    {
        var output = Path.Combine(_folder.Path, "pruned");
        Assert.Equal(0, (await CommandRun.Of("prune", model, "-o", output, "--amount", "0.5")).ExitCode);
        return output;
    }
}
