using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning.Masks;
using Coppice.Pruning.Streaming;

namespace Coppice.Tests.Pruning.Masks;

/// <summary>Models pruned live, saved under their masks, opened again, pruned further, and finalized as checkpoints.</summary>
public sealed class SavedMasksTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gpt2-student", "transformer.h.0.mlp.c_fc", CheckpointFormat.PyTorch)]
    [InlineData("gpt2-student", "lm_head", CheckpointFormat.SafeTensors)]
    [InlineData("gpt2-student", "lm_head", CheckpointFormat.PyTorch)]
    [InlineData("bert-thucnews", "bert.encoder.layer.0.attention.self.query", CheckpointFormat.SafeTensors)]
    [InlineData("bert-thucnews", "fc", CheckpointFormat.PyTorch)]
    public void SavedModel_PrunedFurtherAndFinalized_EqualsTheSameLive(string name, string path, CheckpointFormat format)
    {
        var live = Open(name);
        Prune.L1Unstructured(live.Module.Find(path), "weight", 0.5);
        live.Save(_folder["masked"], new() { Format = format });
        Prune.L1Unstructured(live.Module.Find(path), "weight", 0.5);

        var opened = PretrainedModel.Open(_folder["masked"]);
        Assert.NotNull(opened.Module.Find(path).Parameter("weight").Mask);
        Prune.L1Unstructured(opened.Module.Find(path), "weight", 0.5);
        Assert.Equal(live.Module.StateDict().Keys.Order(), opened.Module.StateDict().Keys.Order());
        opened.Save(_folder["twice"]);

        using (var masked = Checkpoint.Open(_folder["twice"]))
            masked.Save(_folder["final"], MaskFinalizer.Finalize(masked.Tensors).Changes);
        Prune.Remove(live.Module.Find(path), "weight");
        var final = PretrainedModel.Open(_folder["final"]);
        Assert.False(Prune.IsPruned(final.Module));
        AssertSameState(live.Module, final.Module);
        Assert.Equal(0.75, Sparsity(final.Module.Find(path)), 3);
        using var source = Checkpoint.Open(TestData.InRepository("samples", "models", name));
        using var result = Checkpoint.Open(_folder["final"]);
        Assert.Equal(source.Tensors.Select(tensor => tensor.ToString()).Order(), result.Tensors.Select(tensor => tensor.ToString()).Order());
        Assert.Equal(Ties(source), Ties(result));
    }

    [Fact]
    public void SavedModel_WithoutAnyMask_IsTheCheckpointItCameFrom()
    {
        Open("gpt2-student").Save(_folder["copy"]);
        using var source = Checkpoint.Open(TestData.InRepository("samples", "models", "gpt2-student"));
        using var copy = Checkpoint.Open(_folder["copy"]);
        Checkpoints.Samples.AssertSame(source, copy);
        Assert.Equal(Directory.GetFiles(source.Path).Select(Path.GetFileName).Order(),
            Directory.GetFiles(_folder["copy"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void SavedModel_OpenedMaskedAndRemovedLive_HasTheWeightAgain()
    {
        var model = Open("bert-thucnews");
        Prune.LnStructured(model.Module.Find("fc"), "weight", 1, 2, 0);
        model.Save(_folder["masked"]);
        var opened = PretrainedModel.Open(_folder["masked"]);
        Prune.Remove(opened.Module.Find("fc"), "weight");
        opened.Save(_folder["removed"]);
        using var removed = Checkpoint.Open(_folder["removed"]);
        Assert.DoesNotContain(removed.Tensors, tensor => tensor.Name.StartsWith("fc.weight_", StringComparison.Ordinal));
        AssertSameState(opened.Module, PretrainedModel.Open(_folder["removed"]).Module);
    }

    [Fact]
    public void SavedModel_OverItsSource_IsRefused()
    {
        Open("gpt2-student").Save(_folder["copy"]);
        var copy = PretrainedModel.Open(_folder["copy"]);
        Assert.Contains("the input itself",
            Assert.Throws<CheckpointException>(() => copy.Save(_folder["copy"], new() { Overwrite = true })).Message);
    }

    private static PretrainedModel Open(string name) => PretrainedModel.Open(TestData.InRepository("samples", "models", name));

    private static double Sparsity(Module module)
    {
        var weight = module.Parameter("weight").Value.ToArray<float>();
        return (double)weight.Count(value => value == 0) / weight.Length;
    }

    private static void AssertSameState(Module expected, Module actual)
    {
        var (left, right) = (expected.StateDict(), actual.StateDict());
        Assert.Equal(left.Keys.Order(), right.Keys.Order());
        foreach (var (name, tensor) in left)
            PruneHelper.AssertSame(tensor.ToArray<float>(), right[name].ToArray<float>());
    }

    private static IEnumerable<string> Ties(Checkpoint checkpoint) => checkpoint.Tensors.GroupBy(tensor => tensor.Identity)
        .Where(group => group.Count() > 1).Select(group => string.Join('=', group.Select(tensor => tensor.Name).Order()));
}
