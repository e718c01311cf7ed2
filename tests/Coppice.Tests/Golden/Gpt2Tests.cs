using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Generation;
using Coppice.Models;
using Coppice.Pruning;
using Coppice.Pruning.Streaming;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Tokenizers;

namespace Coppice.Tests.Golden;

/// <summary>The GPT-2 student, before and after pruning, against PyTorch.</summary>
public sealed class Gpt2Tests
{
    private const string Name = "gpt2-student";

    private static readonly string Folder = GoldenFiles.Model(Name);
    private static readonly JsonElement Baseline = GoldenFiles.Json(Name, "baseline.json");
    private static readonly JsonElement Runs = GoldenFiles.Json(Name, "prune.json");
    private static readonly JsonElement Perplexities = GoldenFiles.Json(Name, "perplexity-20.json");

    public static TheoryData<int> RunNumbers => [.. Enumerable.Range(0, Runs.GetArrayLength())];

    [Fact]
    public void Logits_OfAText_EqualPyTorch()
    {
        using var golden = Checkpoint.Open(GoldenFiles.PathOf(Name, "logits.safetensors"));
        var ids = GoldenFiles.Numbers(golden["input_ids"]);
        var logits = PretrainedModel.Open(Folder)
            .CausalLanguageModel.Forward(Tensor.From<long>([.. ids.Select(id => (long)id)], [1, ids.Length]));
        GoldenFiles.AssertClose(golden["logits"].ToSingle().ToArray<float>(), logits.ToArray<float>(), 2e-4f);
    }

    [Fact]
    public void Greedy_BeforePruning_EqualsPyTorch() => AssertGreedy(Baseline.GetProperty("greedy"), Folder);

    [Fact]
    public void Perplexity_BeforePruning_EqualsPyTorch()
    {
        var expected = Baseline.GetProperty("perplexity");
        var model = PretrainedModel.Open(Folder).CausalLanguageModel;
        var result = LanguageModelEvaluation.Perplexity(model, Windows(model, expected.GetProperty("windows").GetInt32()));
        Assert.Equal(expected.GetProperty("tokens").GetInt64(), result.Tokens);
        AssertRatio(expected.GetProperty("perplexity").GetDouble(), result.Value);
    }

    [Theory]
    [MemberData(nameof(RunNumbers))]
    public void Prune_ThenSaveAndReopen_EqualsPyTorch(int number)
    {
        var run = Runs[number];
        using var folder = new TempFolder();
        var (torch, strict) = (Path.Combine(folder.Path, "torch"), Path.Combine(folder.Path, "strict"));
        Prune(run, PruneSemantics.Torch, torch, CheckpointFormat.PyTorch);
        Prune(run, PruneSemantics.Strict, strict, CheckpointFormat.SafeTensors);
        AssertFile(run, "sha256_torch", torch);
        AssertFile(run, "sha256_strict", strict);
        AssertGreedy(run.GetProperty("greedy"), strict);
        AssertOutputs(run.GetProperty("compare"), Perplexities.GetProperty("runs")[number], torch);
    }

    private static void AssertFile(JsonElement run, string hashes, string path)
    {
        using var checkpoint = Checkpoint.Open(path);
        GoldenFiles.AssertHashes(run.GetProperty(hashes), checkpoint);
        foreach (var zeros in run.GetProperty("zeros").EnumerateObject())
            Assert.Equal(zeros.Value.GetInt64(), TensorStatistics.Of(checkpoint[zeros.Name]).Zeros);
    }

    private static void AssertGreedy(JsonElement expected, string folder)
    {
        var generator = TextGenerator.Open(folder);
        foreach (var greedy in expected.EnumerateArray())
        {
            var result = generator.Generate(greedy.GetProperty("prompt").GetString()!, new() { MaxNewTokens = 40 });
            Assert.Equal(GoldenFiles.Numbers(greedy.GetProperty("ids")), result.PromptIds.Concat(result.Ids));
            Assert.Equal(greedy.GetProperty("text").GetString(), result.Prompt + result.Text);
        }
    }

    private static void AssertOutputs(JsonElement agreement, JsonElement perplexity, string folder)
    {
        var (before, after) = (PretrainedModel.Open(Folder).CausalLanguageModel, PretrainedModel.Open(folder).CausalLanguageModel);
        var result = LanguageModelEvaluation.Compare(before, after, Windows(before, agreement.GetProperty("windows").GetInt32()));
        AssertRatio(agreement.GetProperty("mean_kl_before_after").GetDouble(), result.Agreement.MeanKl);
        Assert.Equal(agreement.GetProperty("top1_agreement").GetDouble(), result.Agreement.Top1Agreement, 0.001);
        AssertRatio(Perplexities.GetProperty("before").GetDouble(), result.Before.Value);
        AssertRatio(perplexity.GetProperty("perplexity").GetDouble(), result.After.Value);
    }

    private static void AssertRatio(double expected, double actual) => Assert.InRange(actual / expected, 1 - 1e-3, 1 + 1e-3);

    private static void Prune(JsonElement run, PruneSemantics semantics, string output, CheckpointFormat format)
    {
        using var checkpoint = Checkpoint.Open(Folder);
        var kind = run.GetProperty("kind").GetString();
        var selection = WeightSelector.Select(checkpoint.Tensors, ModelFacts.Of(checkpoint), kind == "l1-linear-only" ? ["lm_head.weight"]
            : null);
        PruningMethod method = kind == "l2-structured-dim1" ? new ChannelNormPruning(2, 1) : new MagnitudePruning();
        var result = Pruner.Prune(selection, new PruneRequest(method, PruneAmount.Fraction(run.GetProperty("amount").GetDouble()))
        {
            Scope = kind == "l1-global" ? PruneScope.Global : PruneScope.PerTensor,
            Semantics = semantics,
        });
        Assert.Equal(run.GetProperty("elements").GetInt64(), result.Elements);
        checkpoint.Save(output, result.Tensors.OfType<MaskedTensor>(), new() { Format = format });
    }

    private static TokenWindows Windows(ICausalLanguageModel model, int count) =>
        TextWindows.Read(TestData.InRepository("samples", "data", "tinyshakespeare-test.txt"), Tokenizer.FromFolder(Folder), model, 256,
            256, count);
}
