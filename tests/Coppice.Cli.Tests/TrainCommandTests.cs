using System.Text.Json;

namespace Coppice.Cli.Tests;

public sealed class TrainCommandTests : IDisposable
{
    private static readonly string Samples = TestData.InRepository("samples");

    private readonly TempFolder _folder = new();
    private readonly string _recipe;

    public TrainCommandTests() => _recipe = _folder.Write("recipe.json", JsonSerializer.SerializeToUtf8Bytes(JsonDocument.Parse($$"""
        {
          "variables": {"amount": 0.5, "steps": 4},
          "model": {"path": "{{Samples}}/models/mnist/cnn.pt", "architecture": "mnist-cnn"},
          "data": {"train": "{{Samples}}/data/mnist/t10k-images-idx3-ubyte.gz", "takeFirst": 32, "holdOut": 20},
          "stages": [
            {"type": "prune", "amount": "${amount}"},
            {"type": "train", "steps": "${steps}", "batchSize": 8, "optimizer": {"learningRate": 0.001}, "evaluateEvery": 1}
          ]
        }
        """)));

    private string Out => _folder["out"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Train_Recipe_PrintsTheLockAndVerifies()
    {
        var json = (await CommandRun.Of("train", _recipe, "-o", Out, "--json", "--seed", "7")).Json;
        Assert.Equal(7, json.GetProperty("seed").GetInt32());
        Assert.Equal(3, json.GetProperty("stages").GetArrayLength());
        var verified = await CommandRun.Of("train", "--verify", Path.Combine(Out, "lock.json"));
        Assert.Equal((0, "The same: 1 files and every measurement."), (verified.ExitCode, verified.Output.Trim()));
    }

    [Fact]
    public async Task Train_SettingAVariable_IsInTheResult()
    {
        var json = (await CommandRun.Of("train", _recipe, "-o", Out, "--json", "--set", "amount=0.25")).Json;
        Assert.Equal(0.25, json.GetProperty("stages")[1].GetProperty("sparsity_in_scope").GetDouble(), 1e-3);
    }

    [Fact]
    public async Task Train_RecipeThatCuts_TellsWhatWentAndOtherVerbsOpenIt()
    {
        var recipe = File.ReadAllText(_recipe);
        File.WriteAllText(_recipe, recipe.Replace("\"prune\"", "\"cut\"", StringComparison.Ordinal));
        var json = (await CommandRun.Of("train", _recipe, "-o", Out, "--json")).Json;
        var macs = json.GetProperty("stages")[1].GetProperty("macs");
        Assert.True(macs.GetProperty("after").GetInt64() < 0.5 * macs.GetProperty("before").GetInt64());
        var eval = await CommandRun.Of("eval", Path.Combine(Out, "model.pt"), "--arch", "mnist-cnn", "--data", $"{Samples}/data/mnist/t10k-images-idx3-ubyte.gz");
        Assert.Equal(0, eval.ExitCode);
    }

    [Fact]
    public async Task Train_RecipeThatLeavesOutLayers_TellsWhich()
    {
        File.WriteAllText(_recipe, $$"""
            {
              "model": {"path": "{{Samples}}/models/stories260K"},
              "data": {"train": "{{Samples}}/data/tinyshakespeare-test.txt", "takeFirst": 8, "holdOut": 4, "window": 64},
              "stages": [{"type": "cut", "granularity": "layer", "amount": 0.4, "calibrationExamples": 2}]
            }
            """);
        var run = await CommandRun.Of("train", _recipe, "-o", Out);
        Assert.Matches(@"0 cut: layers \d, \d left out; multiply-accumulates", run.Output);
        Assert.Equal(0, (await CommandRun.Of("generate", Path.Combine(Out, "model"), "--prompt", "Once", "--max-new-tokens", "2")).ExitCode);
    }

    [Fact]
    public async Task Train_ForPeople_ShowsStagesAndFiles()
    {
        var run = await CommandRun.Of("train", _recipe, "-o", Out);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("1 train", run.Output, StringComparison.Ordinal);
        Assert.Contains("model.pt, metrics.jsonl, lock.json", run.Output, StringComparison.Ordinal);
        Assert.Contains("stage 0 (prune)", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_ChangedLock_Is3AndNamesWhatDiffers()
    {
        await CommandRun.Of("train", _recipe, "-o", Out);
        var path = Path.Combine(Out, "lock.json");
        var text = File.ReadAllText(path);
        var hash = JsonDocument.Parse(text).RootElement.GetProperty("outputs").GetProperty("model.pt").GetString()!;
        File.WriteAllText(path, text.Replace(hash, new string('0', 64), StringComparison.Ordinal));
        var run = await CommandRun.Of("train", "--verify", path);
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("The output model.pt is another.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DryRun_Recipe_ShowsThePlanAndWritesNothing()
    {
        var json = (await CommandRun.Of("train", _recipe, "-o", Out, "--dry-run", "--json")).Json;
        Assert.Equal(4, json.GetProperty("stages")[1].GetProperty("steps").GetInt32());
        var run = await CommandRun.Of("train", _recipe, "-o", Out, "--dry-run");
        Assert.Contains("1 train: 4 steps (1 epochs)", run.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Out));
    }

    /// <summary>A process that may write no file of over 64 KiB stands in for a full disk: the same error at the same place.</summary>
    [Fact]
    public async Task Train_DiskFullWhileSaving_SaysSoAndGoesOnWhenThereIsRoom()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Limits a process by the shell's ulimit.");
        var full = await CommandRun.OfShell("trap '' XFSZ; ulimit -f 64; export DOTNET_EnableWriteXorExecute=0; exec \"$0\" \"$@\"", "train", _recipe, "-o", Out);
        full.AssertFailed(1, "model-1.safetensors", "more than one file may have there");
        Assert.False(File.Exists(Path.Combine(Out, "lock.json")));
        Assert.DoesNotContain(Directory.GetFiles(Out, "*", SearchOption.AllDirectories), path => Path.GetExtension(path) is ".pt" or ".safetensors");
        Assert.Equal(0, (await CommandRun.Of("train", _recipe, "-o", Out)).ExitCode);
        Assert.Equal(0, (await CommandRun.Of("train", "--verify", Path.Combine(Out, "lock.json"))).ExitCode);
    }

    [Fact]
    public async Task Train_Cancelled_Is130AndSaysHowToGoOn()
    {
        using var cancellation = new CancellationTokenSource();
        var running = Task.Run(() => CommandRun.Of(cancellation.Token, "train", _recipe, "-o", Out, "--set", "steps=100000"),
            TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Path.Combine(Out, "metrics.jsonl")), TimeSpan.FromSeconds(60)));
        cancellation.Cancel();
        (await running).AssertFailed(130, "Run the same command again to go on");
        Assert.True(File.Exists(Path.Combine(Out, "state", "run.json")));
        (await CommandRun.Of("train", _recipe, "-o", Out, "--set", "steps=10")).AssertFailed(1, "another recipe");
    }

    [Fact]
    public async Task Train_NoOutput_IsWrongUsage() => (await CommandRun.Of("train", _recipe)).AssertFailed(2, "give -o FOLDER");

    [Fact]
    public async Task Train_WrongSetting_IsWrongUsage() => (await CommandRun.Of("train", _recipe, "-o", Out, "--set", "amount")).AssertFailed(2, "NAME=VALUE");

    [Fact]
    public async Task Train_WrongRecipe_NamesThePlace()
    {
        var path = _folder.Write("wrong.json", "{\"model\": {\"paht\": \"m\"}, \"data\": {}, \"stages\": []}"u8);
        (await CommandRun.Of("train", path, "-o", Out)).AssertFailed(1, path, "model: there is no key 'paht'", "'path'");
    }
}
