using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Pruning.Masks;

namespace Coppice.Cli.Tests;

public sealed class FinalizeCommandTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Finalize_OfAMaskedFolder_WritesOneThatPrunesAndRuns()
    {
        var model = PretrainedModel.Open(CommandRun.Bert);
        Prune.L1Unstructured(model.Module.Find("bert.encoder.layer.0.attention.self.query"), "weight", 0.25);
        model.Save(_folder["masked"]);
        (await CommandRun.Of("prune", _folder["masked"], "-o", _folder["no"], "--amount", "0.5"))
            .AssertFailed(1, "is still under a mask", "coppice finalize");
        var json = (await CommandRun.Of("finalize", _folder["masked"], "-o", _folder["final"], "--json")).Json;
        var tensor = Assert.Single(json.GetProperty("tensors").EnumerateArray());
        Assert.Equal("bert.encoder.layer.0.attention.self.query.weight", tensor.GetProperty("name").GetString());
        Assert.Equal(128 * 128 / 4, tensor.GetProperty("masked").GetInt64());
        Assert.Equal(0.25, tensor.GetProperty("sparsity").GetDouble());
        Assert.Equal(0.25, json.GetProperty("sparsity").GetDouble());
        Assert.Equal(_folder["final"], json.GetProperty("output").GetString());
        Assert.False(Prune.IsPruned(PretrainedModel.Open(_folder["final"]).Module));
        Assert.Equal(0, (await CommandRun.Of("prune", _folder["final"], "--dry-run", "--amount", "0.5")).ExitCode);
        Assert.Equal(["final", "masked"], _folder.Names());
    }

    [Theory]
    [InlineData("strict", "out.safetensors", null, CheckpointFormat.SafeTensors)]
    [InlineData("torch", "out.pt", null, CheckpointFormat.PyTorch)]
    [InlineData("torch", "out", "safetensors", CheckpointFormat.SafeTensors)]
    public async Task Finalize_OfAFile_FollowsSemanticsAndFormat(string semantics, string name, string? format, CheckpointFormat expected)
    {
        var input = Masked("in.safetensors");
        string[] args = ["finalize", input, "-o", _folder[name], "--semantics", semantics];
        var run = await CommandRun.Of(format is null ? args : [.. args, "--format", format]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("1 masks made permanent, sparsity of these weights 50.00 %", run.Output, StringComparison.Ordinal);
        Assert.Contains("w.weight", run.Output, StringComparison.Ordinal);
        Assert.Equal(expected, TinyCheckpoint.FormatOf(_folder[name]));
        var values = TinyCheckpoint.Values(_folder[name], "w.weight");
        Assert.Equal([0, 2, 0, 4], values);
        Assert.Equal(semantics == "torch", float.IsNegative(values[0]));
        Assert.Equal([7], TinyCheckpoint.Values(_folder[name], "other"));
    }

    [Fact]
    public async Task Finalize_Wrongly_SaysWhatAndLeavesNothing()
    {
        (await CommandRun.Of("finalize", CommandRun.StoriesFile, "-o", _folder["out"])).AssertFailed(1, "Nothing to finalize");
        (await CommandRun.Of("finalize", CommandRun.StoriesFile)).AssertFailed(2, "-o OUT");
        Assert.Empty(_folder.Names());
        var input = Masked("in.safetensors");
        (await CommandRun.Of("finalize", input, "-o", input)).AssertFailed(2, "--overwrite");
        (await CommandRun.Of("finalize", input, "-o", input, "--overwrite")).AssertFailed(1, "the input itself");
        var half = TinyCheckpoint.Write(_folder, "half.safetensors", ("w.weight_orig", [1], [1]));
        (await CommandRun.Of("finalize", half, "-o", _folder["out"])).AssertFailed(1, "'w.weight_orig' has no 'w.weight_mask'");
        Assert.Equal(["half.safetensors", "in.safetensors"], _folder.Names());
    }

    private string Masked(string name) => TinyCheckpoint.Write(_folder, name,
        ("w.weight_orig", [2, 2], [-1, 2, -3, 4]), ("w.weight_mask", [2, 2], [0, 1, 0, 1]), ("other", [1], [7]));
}
