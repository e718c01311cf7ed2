namespace Coppice.Cli.Tests;

public sealed class EvalCommandTests
{
    [Fact]
    public async Task Text_InWindows_GivesPerplexity()
    {
        var json = (await CommandRun.Of("eval", CommandRun.Gpt2, "--text", CommandRun.Shakespeare, "--context", "64", "--stride", "32",
            "--windows", "3", "--json")).Json;
        Assert.Equal(63 + 32 + 32, json.GetProperty("targets").GetInt64());
        Assert.Equal(3, json.GetProperty("windows").GetInt32());
        Assert.Equal(64, json.GetProperty("context").GetInt32());
        Assert.Equal(32, json.GetProperty("stride").GetInt32());
        Assert.Equal(Math.Exp(json.GetProperty("nll_sum").GetDouble() / 127), json.GetProperty("perplexity").GetDouble(), 9);
        Assert.InRange(json.GetProperty("perplexity").GetDouble(), 10, 200);
    }

    [Fact]
    public async Task Text_WithoutJson_IsOneSentence()
    {
        var run = await CommandRun.Of("eval", CommandRun.Gpt2, "--text", CommandRun.Shakespeare, "--windows", "1");
        Assert.Matches(@"^perplexity \d+\.\d{4} over 255 tokens in 1 windows of 256\s*$", run.Output);
    }

    [Fact]
    public async Task Data_OfHeadlines_GivesScoresAndConfusion()
    {
        using var folder = new TempFolder();
        var data = WriteHeadlines(folder, 60);
        var json = (await CommandRun.Of("eval", CommandRun.Bert, "--data", data, "--task", "classification", "--json")).Json;
        Assert.Equal(60, json.GetProperty("examples").GetInt32());
        var confusion = json.GetProperty("confusion_matrix");
        Assert.Equal(10, confusion.GetArrayLength());
        var right = Enumerable.Range(0, 10).Sum(c => confusion[c][c].GetInt32());
        Assert.Equal(right / 60.0, json.GetProperty("accuracy").GetDouble(), 12);
        Assert.InRange(json.GetProperty("accuracy").GetDouble(), 0.7, 1);
        Assert.Equal("finance", json.GetProperty("classes")[0].GetProperty("name").GetString());
    }

    [Fact]
    public async Task Data_WithoutJson_ShowsATable()
    {
        using var folder = new TempFolder();
        var run = await CommandRun.Of("eval", CommandRun.Bert, "--data", WriteHeadlines(folder, 20));
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.All(["precision", "macro avg", "confusion matrix"], text => Assert.Contains(text, run.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Data_OfImages_GivesScores()
    {
        var json = (await CommandRun.Of("eval", TestData.InRepository("samples", "models", "mnist", "cnn.pt"), "--arch", "mnist-cnn",
            "--data", TestData.InRepository("samples", "data", "mnist", "t10k-images-idx3-ubyte.gz"), "--json")).Json;
        Assert.Equal(10_000, json.GetProperty("examples").GetInt32());
        Assert.Equal(0.9915, json.GetProperty("accuracy").GetDouble(), 12);
        (await CommandRun.Of("eval", "x.pt", "--arch", "resnet0", "--data", "y.bin")).AssertFailed(ExitCode.Usage, "--arch resnet0", "mnist-cnn");
        (await CommandRun.Of("eval", "x.pt", "--arch", "resnet20", "--text", "y.txt")).AssertFailed(ExitCode.Usage, "--arch");
    }

    [Fact]
    public async Task Text_AndData_AreExclusive()
    {
        (await CommandRun.Of("eval", CommandRun.Gpt2)).AssertFailed(ExitCode.Usage, "--text", "--data");
        (await CommandRun.Of("eval", CommandRun.Gpt2, "--text", "a", "--data", "b")).AssertFailed(ExitCode.Usage, "--text", "--data");
        (await CommandRun.Of("eval", CommandRun.Gpt2, "--data", "b", "--task", "translation")).AssertFailed(ExitCode.Usage, "translation");
    }

    [Theory]
    [InlineData("--context", "257", ExitCode.Failed)]
    [InlineData("--context", "1", ExitCode.Usage)]
    [InlineData("--stride", "0", ExitCode.Usage)]
    [InlineData("--stride", "300", ExitCode.Failed)]
    [InlineData("--windows", "0", ExitCode.Usage)]
    public async Task Windows_OutOfRange_AreRefused(string option, string value, int code) =>
        (await CommandRun.Of("eval", CommandRun.Gpt2, "--text", CommandRun.Shakespeare, option, value))
            .AssertFailed(code, option, code == ExitCode.Failed ? value : "or more");

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("x", "tokens")]
    public async Task Text_TooShort_IsRefused(string text, string says)
    {
        using var folder = new TempFolder();
        var path = folder.Write("short.txt", System.Text.Encoding.UTF8.GetBytes(text));
        (await CommandRun.Of("eval", CommandRun.Gpt2, "--text", path)).AssertFailed(ExitCode.Failed, says);
    }

    [Theory]
    [InlineData("no tab here\n", "line 1")]
    [InlineData("headline\t0\nheadline\t99\n", "classes")]
    [InlineData("headline\tsports\n", "line 1")]
    public async Task Data_Malformed_IsRefusedWithItsPlace(string text, string says)
    {
        using var folder = new TempFolder();
        var path = folder.Write("data.txt", System.Text.Encoding.UTF8.GetBytes(text));
        (await CommandRun.Of("eval", CommandRun.Bert, "--data", path)).AssertFailed(ExitCode.Failed, path, says);
    }

    [Fact]
    public async Task Model_OfTheOtherKind_IsRefused()
    {
        (await CommandRun.Of("eval", CommandRun.Bert, "--text", CommandRun.Shakespeare)).AssertFailed(ExitCode.Failed, "bert");
        (await CommandRun.Of("eval", CommandRun.Gpt2, "--data", CommandRun.Shakespeare)).AssertFailed(ExitCode.Failed, "gpt2");
    }

    private static string WriteHeadlines(TempFolder folder, int count)
    {
        var source = TestData.InRepository("samples", "data", "thucnews");
        File.Copy(Path.Combine(source, "class.txt"), Path.Combine(folder.Path, "class.txt"));
        var path = Path.Combine(folder.Path, "dev.txt");
        File.WriteAllLines(path, File.ReadLines(Path.Combine(source, "dev-1000.txt")).Take(count));
        return path;
    }
}
