using System.Diagnostics;
using System.Text.Json;

namespace Coppice.Cli.Tests;

public sealed class SensitivityCommandTests
{
    private static readonly string Gpt2 = TestData.InRepository("samples", "models", "gpt2-student");
    private static readonly string Bert = TestData.InRepository("samples", "models", "bert-thucnews");
    private static readonly string Shakespeare = TestData.InRepository("samples", "data", "tinyshakespeare-test.txt");
    private static readonly string[] Short = ["--text", Shakespeare, "--context", "16", "--windows", "2"];

    [Fact]
    public async Task Text_WithFiles_PrintsJsonAndWritesWhatPruneReads()
    {
        using var folder = new TempFolder();
        var (page, ratios) = (folder["curves.html"], folder["ratios.rsp"]);

        var (code, output, error) = await Run(["sensitivity", Gpt2, .. Short, "--by", "block", "--amounts", "0.5,0.2", "--budget", "0.05",
            "--html", page, "--ratios-file", ratios, "--json"]);

        Assert.True(code == 0, error);
        using var json = JsonDocument.Parse(output);
        var groups = json.RootElement.GetProperty("groups").EnumerateArray().ToList();
        Assert.Equal(12, groups.Count);
        Assert.Equal([0.2, 0.5], groups[0].GetProperty("points").EnumerateArray().Select(point => point.GetProperty("amount").GetDouble()));
        var worst = groups.Select(group => group.GetProperty("points")[1].GetProperty("loss").GetDouble()).ToList();
        Assert.Equal(worst.OrderDescending(), worst);
        var suggestion = json.RootElement.GetProperty("suggestion");
        Assert.InRange(suggestion.GetProperty("loss").GetDouble(), -1, 0.05);
        Assert.Equal(["curves.html", "ratios.rsp"], folder.Names());
        Assert.Contains("transformer.h.11.*", await File.ReadAllTextAsync(page), StringComparison.Ordinal);

        // What was measured is what prune makes of the file.
        var pruned = await Run(["prune", Gpt2, "--dry-run", "--json", "@" + ratios]);
        Assert.True(pruned.Code == 0, pruned.Error);
        using var prunedJson = JsonDocument.Parse(pruned.Output);
        foreach (var part in new[] { "scope", "model" })
            Assert.Equal(suggestion.GetProperty($"{part}_sparsity").GetDouble(),
                prunedJson.RootElement.GetProperty(part).GetProperty("sparsity").GetDouble(), 12);
    }

    [Fact]
    public async Task Data_WithGroups_ShowsATableAndTheCommand()
    {
        using var folder = new TempFolder();
        var headlines = TestData.InRepository("samples", "data", "thucnews");
        folder.Write("class.txt", await File.ReadAllBytesAsync(Path.Combine(headlines, "class.txt")));
        await File.WriteAllLinesAsync(folder["few.txt"], File.ReadLines(Path.Combine(headlines, "dev-1000.txt")).Take(20));

        var (code, output, error) = await Run(["sensitivity", Bert, "--data", folder["few.txt"], "--group", "*.layer.11.*",
            "--amounts", "0.1", "--metric", "f1", "--budget", "1"]);

        Assert.True(code == 0, error);
        Assert.StartsWith("f1_macro when one group alone is pruned", output, StringComparison.Ordinal);
        Assert.Contains("--ratio \"*.layer.11.*=0.1\"", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Give either --text FILE (perplexity) or --data FILE (classification)")]
    [InlineData("'1.5' is not a fraction above 0 and at most 1", "--text", "t", "--amounts", "0.5,1.5")]
    [InlineData("--budget must be 0 or more", "--text", "t", "--budget", "-1")]
    [InlineData("/nowhere/x.html can't be written", "--text", "t", "--html", "/nowhere/x.html")]
    public async Task WrongUsage_ExitsWith2AndSaysWhy(string says, params string[] options)
    {
        var (code, output, error) = await Run(["sensitivity", Gpt2, .. options]);

        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Contains(says, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GlobWithoutMatch_ExitsWith1AndLeavesNoFile()
    {
        using var folder = new TempFolder();

        var (code, _, error) = await Run(["sensitivity", Gpt2, .. Short, "--group", "*.nothing", "--html", folder["x.html"]]);

        Assert.Equal(1, code);
        Assert.Contains("'*.nothing' matches no weight. The nearest names are", error, StringComparison.Ordinal);
        Assert.Empty(folder.Names());
    }

    private static async Task<(int Code, string Output, string Error)> Run(string[] args)
    {
        var program = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "Coppice.Cli.exe" : "Coppice.Cli");
        var start = new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
