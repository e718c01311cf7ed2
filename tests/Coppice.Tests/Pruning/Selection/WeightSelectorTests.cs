using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Pruning;
using Coppice.Pruning.Selection;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Selection;

public sealed class WeightSelectorTests
{
    private static readonly ModelFacts Gpt2 = new("gpt2", 10, true);

    [Fact]
    public void Select_Gpt2_TakesTheBlocksConv1D()
    {
        var selection = WeightSelector.Select(Gpt2Tensors(), Gpt2);
        Assert.Equal(["transformer.h.0.attn.c_attn.weight", "transformer.h.0.mlp.c_proj.weight"], Names(selection));
        Assert.All(selection.Weights, weight => Assert.True(weight.InputMajor));
        Assert.Equal(48 + 64, selection.Elements);
        Assert.Equal(40 + 8 + 48 + 12 + 64 + 4, selection.Parameters);
        Assert.Equal("an embedding", Reason(selection, "transformer.wte.weight"));
        Assert.Equal("a buffer, no parameter", Reason(selection, "transformer.h.0.attn.bias"));
        Assert.Equal("a vector: bias or normalisation", Reason(selection, "transformer.ln_f.weight"));
    }

    [Fact]
    public void Select_Gpt2WithoutConfig_IsKnownByItsAttention() =>
        Assert.All(WeightSelector.Select(Gpt2Tensors(), ModelFacts.None).Weights, weight => Assert.True(weight.InputMajor));

    [Fact]
    public void Select_HeadAbsentButTied_TakesTheEmbeddingAndWarns()
    {
        var selection = WeightSelector.Select(Gpt2Tensors(), Gpt2, ["lm_head.weight"]);
        var weight = Assert.Single(selection.Weights);
        Assert.Equal("transformer.wte.weight", weight.Name);
        Assert.Equal(["lm_head.weight"], weight.Aliases);
        Assert.Contains("input embedding is pruned too", Assert.Single(selection.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Select_HeadStoredTwice_IsOneWeight()
    {
        var tensors = Gpt2Tensors();
        var copy = new MemoryTensor("lm_head.weight", DType.F32, [10, 4], (byte[])((MemoryTensor)tensors[0]).Bytes.Clone());
        var selection = WeightSelector.Select([.. tensors, copy], Gpt2, ["transformer.wte.weight"]);
        Assert.Equal(["transformer.wte.weight", "lm_head.weight"], Assert.Single(selection.Weights).Tensors.Select(t => t.Name));
        Assert.Equal(40 + 8 + 48 + 12 + 64 + 4, selection.Parameters);
    }

    [Fact]
    public void Select_HeadOfOtherValues_IsAWeightOfItsOwn()
    {
        var selection = WeightSelector.Select([.. Gpt2Tensors(), MemoryTensor.Random("lm_head.weight", [10, 4], 99)], Gpt2,
            ["lm_head.weight"]);
        Assert.Equal(["lm_head.weight"], Names(selection));
        Assert.Empty(selection.Warnings);
    }

    [Fact]
    public void Select_UntiedByConfig_HeadMatchesNothing() =>
        Assert.Throws<PruningException>(() => WeightSelector.Select(Gpt2Tensors(), Gpt2 with { TiesEmbeddings = false },
            ["lm_head.weight"]));

    [Fact]
    public void Select_ClassifierOnTheFamily_HasNoTiedHead() =>
        Assert.Empty(WeightSelector.Select(Gpt2Tensors(), Gpt2 with { Architecture = "GPT2ForSequenceClassification" },
            ["*.wte.weight"]).Warnings);

    [Fact]
    public void Select_ConvolutionalNet_LeavesOutNormsAndTheLastLinear()
    {
        TensorSource[] tensors =
        [
            MemoryTensor.Random("module.conv1.weight", [4, 3, 3, 3], 1), MemoryTensor.Random("module.bn1.weight", [4], 1),
            MemoryTensor.Random("module.bn1.running_var", [4], 1),
            MemoryTensor.Random("module.patch_embed.proj.weight", [4, 3, 2, 2], 1), MemoryTensor.Random("module.fc1.weight", [8, 4], 1),
            MemoryTensor.Random("module.linear.weight", [10, 8], 1),
            new MemoryTensor("module.bn1.num_batches_tracked", DType.I64, [], new byte[8]),
        ];
        var selection = WeightSelector.Select(tensors, ModelFacts.None);
        Assert.Equal(["module.conv1.weight", "module.patch_embed.proj.weight", "module.fc1.weight"], Names(selection));
        Assert.Equal("the model's head", Reason(selection, "module.linear.weight"));
        Assert.Equal("not floating-point (I64)", Reason(selection, "module.bn1.num_batches_tracked"));
        Assert.Equal(108 + 4 + 48 + 32 + 80, selection.Parameters);
    }

    [Fact]
    public void Select_SequentialClassifier_LeavesOutItsLastLayerAlone()
    {
        TensorSource[] tensors = [.. new[] { 0, 3, 6 }.Select(i => MemoryTensor.Random($"classifier.{i}.weight", [4, 4], i))];
        Assert.Equal(["classifier.0.weight", "classifier.3.weight"], Names(WeightSelector.Select(tensors, ModelFacts.None)));
    }

    [Theory]
    [InlineData("bert", "bert.encoder.layer.0.attention.self.query.weight", "bert.pooler.dense.weight")]
    [InlineData("llama", "model.layers.0.mlp.up_proj.weight", "lm_head.weight")]
    [InlineData("t5", "encoder.block.0.layer.0.SelfAttention.q.weight",
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight")]
    public void Select_KnownFamily_TakesItsBlocksAlone(string type, string inside, string outside)
    {
        TensorSource[] tensors = [MemoryTensor.Random(inside, [4, 4], 1), MemoryTensor.Random(outside, [4, 4], 2)];
        Assert.Equal([inside], Names(WeightSelector.Select(tensors, new ModelFacts(type))));
    }

    [Fact]
    public void Select_IncludeAndExclude_SubtractsTheSecond()
    {
        var selection = WeightSelector.Select(Gpt2Tensors(), Gpt2, ["transformer.*"], ["*.bias", "*.w?e.weight"]);
        Assert.Equal(["transformer.h.0.attn.c_attn.weight", "transformer.h.0.mlp.c_proj.weight", "transformer.ln_f.weight"],
            Names(selection));
    }

    [Fact]
    public void Select_GlobWithoutMatch_NamesTheNearest()
    {
        var message = Assert.Throws<PruningException>(() => WeightSelector.Select(Gpt2Tensors(), Gpt2, ["*.mlp.c_prj.weight"])).Message;
        Assert.Contains("are 'transformer.h.0.mlp.c_proj.weight'", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Select_IncludeOfIntegers_IsRefused() => Assert.Contains("'ids'", Assert.Throws<PruningException>(() =>
        WeightSelector.Select([new MemoryTensor("ids", DType.I64, [1], new byte[8])], ModelFacts.None, ["ids"])).Message,
            StringComparison.Ordinal);

    [Fact]
    public void FromConfig_OtherKinds_CountAsAbsent()
    {
        using var config = JsonDocument.Parse("""{"model_type": 3, "vocab_size": "many", "tie_word_embeddings": null, "architectures": [1]}""");
        Assert.Equal(ModelFacts.None, ModelFacts.FromConfig(config.RootElement));
    }

    [Fact]
    public void FromConfig_Sample_IsRead()
    {
        using var config = JsonDocument.Parse(File.ReadAllText(TestData.InRepository("samples", "models", "gpt2-student", "config.json")));
        Assert.Equal(new ModelFacts("gpt2", 4096, true, "GPT2LMHeadModel"), ModelFacts.FromConfig(config.RootElement));
    }

    private static TensorSource[] Gpt2Tensors() =>
    [
        MemoryTensor.Random("transformer.wte.weight", [10, 4], 1), MemoryTensor.Random("transformer.wpe.weight", [2, 4], 2),
        MemoryTensor.Random("transformer.h.0.attn.bias", [1, 1, 2, 2], 3),
        MemoryTensor.Random("transformer.h.0.attn.c_attn.weight", [4, 12], 4),
        MemoryTensor.Random("transformer.h.0.attn.c_attn.bias", [12], 5),
        MemoryTensor.Random("transformer.h.0.mlp.c_proj.weight", [16, 4], 6),
        MemoryTensor.Random("transformer.ln_f.weight", [4], 7),
    ];

    private static IEnumerable<string> Names(WeightSelection selection) => selection.Weights.Select(weight => weight.Name);

    private static string Reason(WeightSelection selection, string name) => selection.Excluded.Single(tensor => tensor.Name == name).Reason;
}
