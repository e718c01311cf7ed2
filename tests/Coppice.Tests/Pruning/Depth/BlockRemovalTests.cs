using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Depth;
using Coppice.Tensors;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Depth;

public sealed class BlockRemovalTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gpt2-student", "n_layer", "transformer.h.")]
    [InlineData("bert-thucnews", "num_hidden_layers", "bert.encoder.layer.")]
    [InlineData("stories260K", "num_hidden_layers", "model.layers.")]
    public void Save_WithoutTwoBlocks_IsAFolderOfTheOthers(string name, string member, string list)
    {
        var model = PretrainedModel.Open(Sample(name));
        var count = BlockRemoval.BlocksOf(model).Blocks.Count;
        var (output, ids) = (_folder["shorter"], Ids(1, 9));
        var removal = new BlockRemoval(model, [3, 1]);
        removal.Save(output, ids);
        var reopened = PretrainedModel.Open(output);
        Assert.Equal(count - 2, BlockRemoval.BlocksOf(reopened).Blocks.Count);
        using (var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(output, "config.json"))))
            Assert.Equal(count - 2, config.RootElement.GetProperty(member).GetInt32());
        AssertSameBits(Run(model, ids, removal.Kept), Run(reopened, ids, Enumerable.Range(0, count - 2)));
        using var checkpoint = Checkpoint.Open(output);
        Assert.DoesNotContain(checkpoint.Tensors, tensor => tensor.Name.Contains($"{list}{count - 2}.", StringComparison.Ordinal));
        Assert.Contains(checkpoint.Tensors, tensor => tensor.Name.Contains($"{list}{count - 3}.", StringComparison.Ordinal));
    }

    /// <summary>Heads cut before keep their places: pruned_heads and the plan are numbered anew.</summary>
    [Fact]
    public void Save_OfAModelWithPrunedHeads_KeepsThem()
    {
        var model = PretrainedModel.Open(Sample("gpt2-student"));
        var plan = HeadOf(model, block: 2);
        plan.Apply(model.Module);
        model.Record(plan);
        model.Save(_folder["heads"]);
        var before = PretrainedModel.Open(_folder["heads"]);
        var (removal, ids) = (new BlockRemoval(before, [0]), Ids(1, 9));
        removal.Save(_folder["shorter"], ids);
        using (var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder["shorter"], "config.json"))))
            Assert.Equal("""{"1":[0]}""", config.RootElement.GetProperty("pruned_heads").GetRawText().Replace(" ", "", StringComparison.Ordinal)
                .Replace("\n", "", StringComparison.Ordinal));
        var expected = Run(before, ids, removal.Kept);
        AssertSameBits(expected, Run(PretrainedModel.Open(_folder["shorter"]), ids, Enumerable.Range(0, 11)));
        File.Delete(Path.Combine(_folder["shorter"], PretrainedModel.PlanFile)); // as other tools read it
        AssertSameBits(expected, Run(PretrainedModel.Open(_folder["shorter"]), ids, Enumerable.Range(0, 11)));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(-1)]
    [InlineData(0, 1, 2, 3, 4)]
    public void New_BlocksThatCantGo_SaysWhichThereAre(params int[] blocks) =>
        Assert.Contains("has 5 blocks, 0 to 4", Assert.Throws<PruningException>(() =>
            new BlockRemoval(PretrainedModel.Open(Sample("stories260K")), blocks)).Message, StringComparison.Ordinal);

    [Fact]
    public void Save_WhereABlocksNumberCounts_IsRefused()
    {
        foreach (var file in Directory.GetFiles(Sample("gpt2-student")))
            File.Copy(file, _folder[Path.GetFileName(file)]);
        var config = _folder["config.json"];
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"n_layer\"", "\"scale_attn_by_inverse_layer_idx\": true, \"n_layer\"",
            StringComparison.Ordinal).Replace("\"scale_attn_by_inverse_layer_idx\": false,", "", StringComparison.Ordinal));
        var removal = new BlockRemoval(PretrainedModel.Open(_folder.Path), [3]);
        Assert.Contains("scale_attn_by_inverse_layer_idx", Assert.Throws<ModelException>(() => removal.Save(_folder["out"], Ids(1, 4))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void CountOf_ShareOrNumber_LeavesAndTakesAtLeastOne()
    {
        Assert.Equal((2, 3), (BlockRemoval.CountOf(0.25, 8), BlockRemoval.CountOf(PruneAmount.Count(3), 8)));
        foreach (var (amount, says) in new (PruneAmount, string)[] { (0.05, "0.05 would remove 0 of 8"), (1.0, "1.0 would remove 8 of 8"), (9L, "9 would remove 9 of 8") })
            Assert.Contains(says, Assert.Throws<PruningException>(() => BlockRemoval.CountOf(amount, 8)).Message, StringComparison.Ordinal);
    }

    private static string Sample(string name) => TestData.InRepository("samples", "models", name);

    private static Tensor Run(PretrainedModel model, Tensor ids, IEnumerable<int> blocks)
    {
        var module = BlockRemoval.BlocksOf(model);
        return module.Finish(blocks.Aggregate(module.Embed(ids), (hidden, block) => module.RunBlock(block, hidden, mask: null)));
    }

    /// <summary>A plan without the first of four heads of a block.</summary>
    private static StructuralPlan HeadOf(PretrainedModel model, int block)
    {
        int[] kept = [.. Enumerable.Range(32, 96)];
        int[] fused = [.. kept, .. kept.Select(i => i + 128), .. kept.Select(i => i + 256)];
        var attention = $"transformer.h.{block}.attn.";
        return new(StructuralPlan.CurrentVersion, model.ModelType,
        [
            new(attention + "c_attn.weight", [128, 384], [new(1, fused)]),
            new(attention + "c_attn.bias", [384], [new(0, fused)]),
            new(attention + "c_proj.weight", [128, 128], [new(0, kept)]),
        ], [], []);
    }
}
