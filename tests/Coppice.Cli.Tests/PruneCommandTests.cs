using Coppice.Checkpoints;

namespace Coppice.Cli.Tests;

public sealed class PruneCommandTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Out => Path.Combine(_folder.Path, "out.safetensors");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Prune_OfAFolder_WritesTheSameKindOfFolder()
    {
        var output = Path.Combine(_folder.Path, "pruned");
        var json = (await CommandRun.Of("prune", CommandRun.Gpt2, "-o", output, "--amount", "0.3", "--json")).Json;
        Assert.Equal(output, json.GetProperty("output").GetString());
        Assert.Equal(707796, json.GetProperty("model").GetProperty("zeros").GetInt64());
        Assert.Equal(48, json.GetProperty("tensors").GetArrayLength());
        Assert.Equal(Directory.GetFiles(CommandRun.Gpt2).Select(Path.GetFileName).Order(),
            Directory.GetFiles(output).Select(Path.GetFileName).Order());
        var inspected = (await CommandRun.Of("inspect", output, "--json")).Json;
        Assert.Equal(707796, inspected.GetProperty("totals").GetProperty("zeros").GetInt64());
        Assert.Equal("pytorch", inspected.GetProperty("format").GetString());
        Assert.Equal(1, inspected.GetProperty("tied").GetArrayLength());
    }

    [Theory]
    [InlineData("out.safetensors", null, CheckpointFormat.SafeTensors)]
    [InlineData("out.bin", null, CheckpointFormat.PyTorch)]
    [InlineData("out.pt", null, CheckpointFormat.PyTorch)]
    [InlineData("out", "pytorch", CheckpointFormat.PyTorch)]
    [InlineData("out", "safetensors", CheckpointFormat.SafeTensors)]
    public async Task Prune_OfAFile_WritesTheFormatAskedFor(string name, string? format, CheckpointFormat expected)
    {
        var output = Path.Combine(_folder.Path, name);
        string[] args = ["prune", CommandRun.StoriesFile, "-o", output, "--amount", "0.5", "--include",
            "model.layers.0.mlp.up_proj.weight"];
        Assert.Equal(0, (await CommandRun.Of(format is null ? args : [.. args, "--format", format])).ExitCode);
        Assert.Equal(expected, TinyCheckpoint.FormatOf(output));
        Assert.Equal(172 * 64 / 2, TinyCheckpoint.Values(output, "model.layers.0.mlp.up_proj.weight").Count(value => value == 0));
        Assert.Equal(TinyCheckpoint.Values(CommandRun.StoriesFile, "model.norm.weight"),
            TinyCheckpoint.Values(output, "model.norm.weight"));
    }

    [Theory]
    [InlineData("l1", 4, "--amount", "4")]
    [InlineData("l1 by row", 4, "--granularity", "channel", "--amount", "1")]
    [InlineData("l1 by column", 8, "--granularity", "channel", "--dim", "1", "--amount", "2")]
    [InlineData("ln", 4, "--method", "ln", "--norm", "inf", "--amount", "0.25")]
    [InlineData("2:4", 8, "--granularity", "2:4")]
    [InlineData("blocks", 4, "--granularity", "2x2", "--amount", "0.25")]
    [InlineData("l1 within each row", 8, "--granularity", "row", "--amount", "2")]
    [InlineData("lamp", 4, "--method", "lamp", "--amount", "4")]
    [InlineData("erk", 4, "--method", "erk", "--scope", "global", "--amount", "0.25")]
    [InlineData("random", 8, "--method", "random", "--amount", "0.5")]
    [InlineData("random rows", 8, "--method", "random-structured", "--amount", "0.5")]
    [InlineData("random, channel", 8, "--method", "random", "--granularity", "channel", "--amount", "0.5")]
    public async Task Prune_ByEachMethod_ZeroesThatMany(string what, int zeros, params string[] options)
    {
        var input = TinyCheckpoint.Write(_folder, "in.safetensors",
            ("a.weight", [4, 4], [.. Enumerable.Range(1, 16).Select(i => (float)i)]));
        var json = (await CommandRun.Of(["prune", input, "-o", Out, "--include", "a.weight", "--json", .. options])).Json;
        Assert.Equal(zeros, json.GetProperty("scope").GetProperty("pruned").GetInt64());
        Assert.True(TinyCheckpoint.Values(Out, "a.weight").Count(value => value == 0) == zeros, what);
    }

    [Fact]
    public async Task Prune_ScopeGlobal_RanksAllWeightsTogether()
    {
        var input = TinyCheckpoint.Write(_folder, "in.safetensors", ("a.weight", [2, 2], [1, 2, 3, 4]), ("b.weight", [2, 2], [5, 6, 7, 8]));
        Assert.Equal(0, (await CommandRun.Of("prune", input, "-o", Out, "--include", "*", "--scope", "global", "--amount", "0.5"))
            .ExitCode);
        Assert.Equal([0, 0, 0, 0], TinyCheckpoint.Values(Out, "a.weight"));
        Assert.Equal([5, 6, 7, 8], TinyCheckpoint.Values(Out, "b.weight"));
    }

    [Theory]
    [InlineData("strict", false)]
    [InlineData("torch", true)]
    public async Task Prune_Semantics_DecideTheSignOfZero(string semantics, bool negative)
    {
        var input = TinyCheckpoint.Write(_folder, "in.safetensors", ("a.weight", [1, 2], [-1, 2]));
        Assert.Equal(0, (await CommandRun.Of("prune", input, "-o", Out, "--include", "*", "--amount", "1", "--semantics", semantics))
            .ExitCode);
        Assert.Equal(negative, float.IsNegative(TinyCheckpoint.Values(Out, "a.weight")[0]));
    }

    [Fact]
    public async Task Prune_Random_IsDecidedByTheSeed()
    {
        var files = new List<byte[]>();
        foreach (var seed in new[] { "1", "1", "2" })
        {
            Assert.Equal(0, (await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", Out, "--method", "random", "--amount", "0.5",
                "--seed", seed, "--overwrite")).ExitCode);
            files.Add(File.ReadAllBytes(Out));
        }
        Assert.Equal(files[0], files[1]);
        Assert.NotEqual(files[0], files[2]);
    }

    [Fact]
    public async Task Prune_Exclude_LeavesWeightsOut()
    {
        var json = (await CommandRun.Of("prune", CommandRun.Gpt2, "--dry-run", "--amount", "0.3", "--exclude", "*.mlp.*", "--json")).Json;
        Assert.Equal(24, json.GetProperty("tensors").GetArrayLength());
    }

    [Fact]
    public async Task Prune_OfATiedHead_WarnsOnStderrAndInJson()
    {
        var run = await CommandRun.Of("prune", CommandRun.Gpt2, "--dry-run", "--amount", "0.3", "--include", "lm_head.weight", "--json");
        Assert.Contains("tied", run.Json.GetProperty("warnings")[0].GetString()!, StringComparison.Ordinal);
        Assert.Contains("warning: ", run.Error, StringComparison.Ordinal);
        Assert.Contains("input embedding is pruned too", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DryRun_WithAnOutput_WritesNothing()
    {
        var run = await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", Out, "--amount", "0.3", "--dry-run");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("dry run: nothing was written.", run.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("1.7", "1.7")]
    [InlineData("-0.2", "-0.2")]
    [InlineData("-5", "-5")]
    [InlineData("abc", "abc")]
    [InlineData("NaN", "NaN")]
    public async Task Amount_OutOfRange_IsWrongUsage(string amount, string says)
    {
        (await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", Out, $"--amount={amount}")).AssertFailed(ExitCode.Usage, says);
        (await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", Out, "--amount", amount)).AssertFailed(ExitCode.Usage, says);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Amount_AboveTheWeights_FailsAndLeavesNothing()
    {
        (await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", Out, "--amount", "999999999"))
            .AssertFailed(ExitCode.Failed, "999999999", "fraction");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Include_ThatMatchesNothing_NamesTheNearest()
    {
        var run = await CommandRun.Of("prune", CommandRun.Gpt2, "-o", Out, "--amount", "0.3", "--include",
            "transformer.h.0.attn.c_atn.weight");
        run.AssertFailed(ExitCode.Failed, "transformer.h.0.attn.c_atn.weight", "'transformer.h.0.attn.c_attn.weight'");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("magic", "--method", "magic", "--amount", "0.3")]
    [InlineData("onnx", "--format", "onnx", "--amount", "0.3")]
    [InlineData("universal", "--scope", "universal", "--amount", "0.3")]
    [InlineData("loose", "--semantics", "loose", "--amount", "0.3")]
    [InlineData("grain", "--granularity", "grain", "--amount", "0.3")]
    [InlineData("two", "--method", "ln", "--norm", "two", "--amount", "0.3")]
    [InlineData("amount", "--method", "l1")]
    [InlineData("global", "--method", "ln", "--scope", "global", "--amount", "0.3")]
    public async Task Option_WithAWrongValue_IsWrongUsage(string says, params string[] options)
    {
        (await CommandRun.Of(["prune", CommandRun.StoriesFile, "-o", Out, .. options])).AssertFailed(ExitCode.Usage, says);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Output_NotGiven_IsWrongUsage() =>
        (await CommandRun.Of("prune", CommandRun.StoriesFile, "--amount", "0.3")).AssertFailed(ExitCode.Usage, "-o OUT", "--dry-run");

    [Fact]
    public async Task Output_ThatExists_IsLeftAsItWasWithoutOverwrite()
    {
        File.WriteAllText(Out, "mine");
        string[] args = ["prune", CommandRun.StoriesFile, "-o", Out, "--amount", "0.3"];
        (await CommandRun.Of(args)).AssertFailed(ExitCode.Usage, Out, "--overwrite");
        Assert.Equal("mine", File.ReadAllText(Out));
        Assert.Equal(0, (await CommandRun.Of([.. args, "--overwrite"])).ExitCode);
        Assert.Equal(CheckpointFormat.SafeTensors, TinyCheckpoint.FormatOf(Out));
        Assert.Equal([Out], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Output_WhoseFolderIsMissing_IsRefused() =>
        (await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", Path.Combine(_folder.Path, "no", "out.safetensors"), "--amount", "0.3"))
            .AssertFailed(ExitCode.Failed, "does not exist");

    [Fact]
    public async Task Output_ThatIsTheInput_IsRefusedEvenWithOverwrite()
    {
        var input = TinyCheckpoint.Write(_folder, "in.safetensors", ("a.weight", [1, 2], [1, 2]));
        var bytes = File.ReadAllBytes(input);
        (await CommandRun.Of("prune", input, "-o", input, "--include", "*", "--amount", "1", "--overwrite"))
            .AssertFailed(ExitCode.Failed, "input itself");
        Assert.Equal(bytes, File.ReadAllBytes(input));
    }

    [Fact]
    public async Task Plan_OfADryRun_HoldsWhatWasDecided()
    {
        var plan = Path.Combine(_folder.Path, "plan.json");
        string[] args = ["prune", CommandRun.StoriesFile, "--dry-run", "--amount", "0.5", "--plan", plan];
        Assert.Equal(0, (await CommandRun.Of(args)).ExitCode);
        var json = System.Text.Json.JsonElement.Parse(File.ReadAllBytes(plan));
        Assert.Contains("model.layers.0.mlp.up_proj.weight", json.GetRawText(), StringComparison.Ordinal);
        Assert.Equal([plan], Directory.GetFileSystemEntries(_folder.Path));
        (await CommandRun.Of(args)).AssertFailed(ExitCode.Usage, plan, "--plan", "--overwrite");
        Assert.Equal(0, (await CommandRun.Of([.. args, "--overwrite"])).ExitCode);
    }

    [Theory]
    [InlineData("--amount", "0.5", "--semantics", "torch")]
    [InlineData("--granularity", "2:4")]
    [InlineData("--method", "random", "--amount", "0.3", "--seed", "7", "--exclude", "*.mlp.*")]
    public async Task Plan_WithoutAnAmount_IsCarriedOut(params string[] options)
    {
        var (plan, again) = (Path.Combine(_folder.Path, "plan.json"), Path.Combine(_folder.Path, "again.safetensors"));
        string[] first = ["prune", CommandRun.StoriesFile, "-o", Out, "--include", "*layers.0*proj.weight", "--plan", plan, "--json", .. options];
        var asked = (await CommandRun.Of(first)).Json;
        var planned = (await CommandRun.Of("prune", CommandRun.StoriesFile, "-o", again, "--plan", plan, "--json")).Json;
        Assert.Equal(asked.GetProperty("tensors").GetRawText(), planned.GetProperty("tensors").GetRawText());
        Assert.Equal(File.ReadAllBytes(Out), File.ReadAllBytes(again));
    }

    [Theory]
    [InlineData(ExitCode.Failed, "for another model: 'b.weight' has other values", "b", 1f)]
    [InlineData(ExitCode.Failed, "for another model: 'b.weight' is missing", "c", 5f)]
    [InlineData(ExitCode.Done, "", "b", 5f)]
    public async Task Plan_OfAnotherModel_IsRefused(int code, string says, string name, float value)
    {
        var (plan, input) = (Path.Combine(_folder.Path, "plan.json"), _folder["in.safetensors"]);
        TinyCheckpoint.Write(_folder, "in.safetensors", ("a.weight", [2, 2], [1, 2, 3, 4]), ("b.weight", [2, 2], [5, 6, 7, 8]));
        Assert.Equal(0, (await CommandRun.Of("prune", input, "--dry-run", "--include", "*", "--amount", "0.5", "--plan", plan)).ExitCode);
        TinyCheckpoint.Write(_folder, "other.safetensors", ("a.weight", [2, 2], [1, 2, 3, 4]), ($"{name}.weight", [2, 2], [value, 6, 7, 8]));
        var run = await CommandRun.Of("prune", _folder["other.safetensors"], "-o", Out, "--plan", plan);
        Assert.Equal(code, run.ExitCode);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.Equal(code == ExitCode.Done, File.Exists(Out));
    }

    [Fact]
    public async Task Plan_WhoseResultIsAnother_IsRefused()
    {
        var (plan, input) = (Path.Combine(_folder.Path, "plan.json"), TinyCheckpoint.Write(_folder, "in.safetensors", ("a.weight", [2, 2], [1, 2, 3, 4])));
        Assert.Equal(0, (await CommandRun.Of("prune", input, "--dry-run", "--include", "*", "--amount", "0.5", "--plan", plan)).ExitCode);
        File.WriteAllText(plan, File.ReadAllText(plan).Replace("\"amount\": \"0.5\"", "\"amount\": \"0.25\"", StringComparison.Ordinal));
        (await CommandRun.Of("prune", input, "-o", Out, "--plan", plan)).AssertFailed(ExitCode.Refused, "'a.weight'", "nothing was written");
        (await CommandRun.Of("prune", input, "-o", Out, "--plan", plan, "--include", "a*")).AssertFailed(ExitCode.Usage, "--include");
        Assert.False(File.Exists(Out));
    }

    [Fact]
    public async Task Plan_ThatCannotBeWritten_IsRefusedBeforeTheWork()
    {
        var input = TinyCheckpoint.Write(_folder, "in.safetensors", ("a.weight", [1, 2], [1, 2]));
        var bytes = File.ReadAllBytes(input);
        string[] args = ["prune", input, "-o", Out, "--include", "*", "--amount", "1", "--overwrite", "--plan"];
        (await CommandRun.Of([.. args, input])).AssertFailed(ExitCode.Usage, "input itself");
        (await CommandRun.Of([.. args, Path.Combine(_folder.Path, "no", "plan.json")])).AssertFailed(ExitCode.Usage, "does not exist");
        (await CommandRun.Of([.. args, _folder.Path])).AssertFailed(ExitCode.Usage, "is a folder");
        Assert.Equal(bytes, File.ReadAllBytes(input));
        Assert.False(File.Exists(Out));
    }

    [Theory]
    [InlineData("out.safetensors")]
    [InlineData("./sub/../out.safetensors")]
    [InlineData("out.safetensors.plan.json")]
    [InlineData("link")]
    [InlineData("linked/out.safetensors")]
    public async Task Plan_ThatIsWhereTheOutputIsWritten_IsRefusedBeforeTheWork(string plan)
    {
        var input = TinyCheckpoint.Write(_folder, "in.safetensors", ("a.weight", [1, 2], [1, 2]));
        File.CreateSymbolicLink(_folder["link"], Out);
        Directory.CreateSymbolicLink(_folder["linked"], _folder.Path);
        (await CommandRun.Of("prune", input, "-o", Out, "--include", "*", "--amount", "1", "--plan", _folder[plan], "--overwrite"))
            .AssertFailed(ExitCode.Usage, "--plan", "is where -o");
        Assert.False(File.Exists(Out));
    }

    [Theory]
    [InlineData("pruned", "--granularity", "neuron")]
    [InlineData("pruned/", "--granularity", "unstructured")]
    [InlineData("pruned/plan.json", "--granularity", "neuron", "--overwrite")]
    public async Task Plan_InTheFolderThatIsWritten_IsRefusedBeforeTheWork(string plan, params string[] options)
    {
        (await CommandRun.Of(["prune", CommandRun.Stories, "-o", _folder["pruned"], "--amount", "0.5", "--plan", _folder[plan], .. options]))
            .AssertFailed(ExitCode.Usage, "--plan", "is where -o");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Cancellation_WhileWriting_LeavesNothing()
    {
        var run = await CommandRun.Of(new CancellationToken(canceled: true), "prune", CommandRun.Gpt2, "-o",
            Path.Combine(_folder.Path, "out"), "--amount", "0.3");
        run.AssertFailed(ExitCode.Cancelled, "cancelled");
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Json_OfAnInfiniteThreshold_IsWhole()
    {
        var input = TinyCheckpoint.Write(_folder, "in.safetensors", ("a.weight", [1, 2], [float.PositiveInfinity, 2]));
        var json = (await CommandRun.Of("prune", input, "-o", Out, "--include", "*", "--amount", "2", "--json")).Json;
        Assert.Equal("Infinity", json.GetProperty("tensors")[0].GetProperty("threshold").GetString());
    }

    [Fact]
    public async Task Weight_WithNaN_IsRefusedUnderStrictSemantics()
    {
        var input = TinyCheckpoint.Write(_folder, "in.safetensors", ("a.weight", [1, 2], [float.NaN, 2]));
        (await CommandRun.Of("prune", input, "-o", Out, "--include", "*", "--amount", "1"))
            .AssertFailed(ExitCode.Failed, "a.weight", "NaN");
        Assert.False(File.Exists(Out));
    }
}
