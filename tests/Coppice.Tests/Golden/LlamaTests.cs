using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Evaluation;
using Coppice.Generation;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning.Masks;
using Coppice.Tensors;
using Coppice.Tokenizers;

namespace Coppice.Tests.Golden;

/// <summary>A Llama of 260 thousand weights with grouped keys, against PyTorch.</summary>
public sealed class LlamaTests
{
    private const string Name = "stories260K";

    private static readonly string Folder = GoldenFiles.Model(Name);
    private static readonly JsonElement Perplexities = GoldenFiles.Json(Name, "perplexity-20.json");

    [Fact]
    public void Logits_OfAText_EqualPyTorch()
    {
        using var golden = Checkpoint.Open(GoldenFiles.PathOf(Name, "logits.safetensors"));
        var logits = Open().Forward(Batch(GoldenFiles.Numbers(golden["input_ids"])));
        GoldenFiles.AssertClose(golden["logits"].ToSingle().ToArray<float>(), logits.ToArray<float>(), 2e-4f);
    }

    [Fact]
    public void Logits_StepByStepWithACache_EqualThoseOfTheWholeText()
    {
        var model = Open();
        int[] ids = [1, 403, 407, 261, 378, 432, 383, 286];
        var whole = model.Forward(Batch(ids)).ToArray<float>().Chunk(model.VocabSize).ToArray();
        var cache = model.CreateCache(ids.Length);
        GoldenFiles.AssertClose(whole[2], model.Forward(Batch(ids[..3]), cache, lastOnly: true).ToArray<float>(), 1e-4f);
        for (var i = 3; i < ids.Length; i++)
            GoldenFiles.AssertClose(whole[i], model.Forward(Batch(ids[i]), cache).ToArray<float>(), 1e-4f);
    }

    [Fact]
    public void Logits_OfAPaddedRow_EqualThoseOfTheRowAlone()
    {
        var model = Open();
        var alone = model.Forward(Batch(1, 403, 407), lastOnly: true).ToArray<float>();
        var padded = model.Forward(Tensor.From<long>([0, 0, 1, 403, 407, 1, 261, 378, 432, 383], [2, 5]), padding: [2, 0], lastOnly: true);
        GoldenFiles.AssertClose(alone, padded.ToArray<float>().AsSpan(0, alone.Length), 1e-4f);
    }

    [Fact]
    public void RunBlock_OneAfterAnother_GivesTheBytesOfTheWhole()
    {
        var (ids, model) = (Batch(1, 403, 407, 261), (IBlockModel)Open());
        var hidden = model.Embed(ids);
        for (var block = 0; block < model.Blocks.Count; block++)
            hidden = model.RunBlock(block, hidden, mask: null);
        Assert.Equal(((ICausalLanguageModel)model).Forward(ids).ToArray<float>(), model.Finish(hidden).ToArray<float>());
    }

    [Fact]
    public void Greedy_FromTheFirstToken_EqualsPyTorch()
    {
        var golden = GoldenFiles.Json(Name, "greedy.json");
        var expected = GoldenFiles.Numbers(golden.GetProperty("greedy_ids"));
        var prompt = GoldenFiles.Numbers(golden.GetProperty("prompt_ids"));
        var result = TextGenerator.Open(Folder).Generate("", new() { MaxNewTokens = expected.Length - prompt.Length });
        Assert.Equal(expected, result.PromptIds.Concat(result.Ids));
        Assert.Equal(golden.GetProperty("greedy_text").GetString()!.TrimStart(), result.Text.TrimStart());
    }

    [Fact]
    public void Perplexity_BeforeAndAfterPruning_EqualsPyTorch()
    {
        var (model, tokenizer) = (Open(), Tokenizer.FromFolder(Folder));
        var windows = TextWindows.Read(TestData.InRepository("samples", "data", "tinyshakespeare-test.txt"), tokenizer, model,
            Perplexities.GetProperty("context").GetInt32(), null, Perplexities.GetProperty("windows").GetInt32());
        var before = LanguageModelEvaluation.Perplexity(model, windows);
        Assert.Equal(Perplexities.GetProperty("tokens").GetInt64(), before.Tokens);
        AssertRatio("before", before.Value);
        foreach (var (name, module) in ((Module)model).NamedModules())
            if (name.EndsWith("_proj", StringComparison.Ordinal))
                Prune.L1Unstructured(module, "weight", 0.5);
        AssertRatio("half_pruned", LanguageModelEvaluation.Perplexity(model, windows).Value);
    }

    private static void AssertRatio(string name, double actual) =>
        Assert.InRange(actual / Perplexities.GetProperty(name).GetDouble(), 1 - 1e-3, 1 + 1e-3);

    private static ICausalLanguageModel Open() => PretrainedModel.Open(Folder).CausalLanguageModel;

    private static Tensor Batch(params int[] ids) => Tensor.From<long>([.. ids.Select(id => (long)id)], [1, ids.Length]);
}
