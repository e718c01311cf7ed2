using System.Text.Json.Nodes;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tests.Golden;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Models;

/// <summary>Pruned models, saved and opened again.</summary>
public sealed class PrunedModelTests : IDisposable
{
    private static readonly string Gpt2Folder = TestData.InRepository("samples", "models", "gpt2-student");
    private static readonly string BertFolder = TestData.InRepository("samples", "models", "bert-thucnews");
    private static readonly string LlamaFolder = TestData.InRepository("samples", "models", "stories260K");
    private static readonly string ResNetFile = TestData.InRepository("samples", "models", "cifar10-resnet", "resnet20-12fca82f.th");

    private readonly TempFolder _folder = new();

    private string Out => Path.Combine(_folder.Path, "out");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gpt2", true)]
    [InlineData("gpt2", false)]
    [InlineData("bert", true)]
    [InlineData("bert", false)]
    public void Open_OfAFolderWithHeadsAndNeuronsPruned_GivesTheSameLogits(string name, bool withPlan)
    {
        var model = PretrainedModel.Open(name == "gpt2" ? Gpt2Folder : BertFolder);
        Prune(model, new() { Ratio = 0.5 });
        model.Save(Out);
        if (!withPlan)
            File.Delete(Path.Combine(Out, PretrainedModel.PlanFile));
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Out, "config.json")))!;
        Assert.Equal(256, (int)config[name == "gpt2" ? "n_inner" : "intermediate_size"]!);
        Assert.All(Enumerable.Range(0, 12), layer => Assert.Equal(2, config["pruned_heads"]![$"{layer}"]!.AsArray().Count));
        AssertSameBits(Logits(model), Logits(PretrainedModel.Open(Out)));
    }

    [Theory]
    [InlineData("gpt2-student")]
    [InlineData("bert-thucnews")]
    [InlineData("stories260K")]
    public void Save_OfHalfTheHeadsAndNeurons_IsWhatPyTorchReadsOfConfigAlone(string name)
    {
        var model = PretrainedModel.Open(TestData.InRepository("samples", "models", name));
        Prune(model, new() { Ratio = 0.5 });
        if (model.ModelType == "llama")
            Prune(model, new() { Ratio = 0.5, Kinds = [GroupKind.Query], Before = model.Plan }); // half of what is left of them: none went yet
        model.Save(Out);
        File.Delete(Path.Combine(Out, PretrainedModel.PlanFile));
        var golden = GoldenFiles.Json("pruned", name + ".json");
        var ids = golden.GetProperty("ids").EnumerateArray().SelectMany(GoldenFiles.Numbers).Select(id => (long)id).ToArray();
        var logits = Logits(PretrainedModel.Open(Out), Tensor.From<long>(ids, [2, ids.Length / 2]));
        var rows = (logits.Shape.Rank == 3 ? logits.Narrow(1, logits.Shape[1] - 1, 1).Contiguous() : logits).ToArray<float>().Chunk(logits.Shape[^1]);
        foreach (var (expected, actual) in golden.GetProperty("logits").EnumerateArray().Zip(rows))
            GoldenFiles.AssertClose([.. expected.EnumerateArray().Select(value => value.GetSingle())], actual.AsSpan(0, expected.GetArrayLength()), 2e-4f);
    }

    [Fact]
    public void Save_OfALlamaWithFewerHeads_CountsThemInConfig()
    {
        var model = PretrainedModel.Open(LlamaFolder);
        Prune(model, new() { Ratio = 0.25, Kinds = [GroupKind.Head] });
        model.Save(Out);
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Out, "config.json")))!;
        Assert.Equal((6, 3, 8, 172), ((int)config["num_attention_heads"]!, (int)config["num_key_value_heads"]!, (int)config["head_dim"]!,
            (int)config["intermediate_size"]!));
        var again = PretrainedModel.Open(Out);
        AssertSameBits(Logits(model), Logits(again));
        Prune(again, new() { Ratio = 0.5, Kinds = [GroupKind.Head], Before = again.Plan });
        again.Save(Out + "2");
        Assert.Equal(2, (int)JsonNode.Parse(File.ReadAllBytes(Path.Combine(Out + "2", "config.json")))!["num_key_value_heads"]!);
        AssertSameBits(Logits(again), Logits(PretrainedModel.Open(Out + "2")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Save_OfANarrowerLlama_SaysItsWidthInConfig(bool withFewerHeads)
    {
        var model = PretrainedModel.Open(LlamaFolder);
        Prune(model, new() { Ratio = 0.25, Kinds = withFewerHeads ? [GroupKind.Width, GroupKind.Head] : [GroupKind.Width] });
        model.Save(Out);
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Out, "config.json")))!;
        Assert.Equal((48, withFewerHeads ? 6 : 8, 8),
            ((int)config["hidden_size"]!, (int)config["num_attention_heads"]!, (int)config["head_dim"]!));
        Assert.True(model.IsToldByConfig());
        AssertSameBits(Logits(model), Logits(PretrainedModel.Open(Out)));
        File.Delete(Path.Combine(Out, PretrainedModel.PlanFile));
        AssertSameBits(Logits(model), Logits(PretrainedModel.Open(Out)));
    }

    [Fact]
    public void Save_OfANarrowerLlamaPrunedFurther_SaysBothInConfig()
    {
        var model = PretrainedModel.Open(LlamaFolder);
        Prune(model, new() { Ratio = 0.25, Kinds = [GroupKind.Width] });
        model.Save(Out);
        var again = PretrainedModel.Open(Out);
        Prune(again, new() { Ratio = 0.5, Kinds = [GroupKind.Width, GroupKind.Neuron], Before = again.Plan });
        again.Save(Out + "2");
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Out + "2", "config.json")))!;
        Assert.Equal((32, 86), ((int)config["hidden_size"]!, (int)config["intermediate_size"]!));
        File.Delete(Path.Combine(Out + "2", PretrainedModel.PlanFile));
        AssertSameBits(Logits(again), Logits(PretrainedModel.Open(Out + "2")));
    }

    [Theory]
    [InlineData("gpt2", GroupKind.Width, false)]
    [InlineData("bert", GroupKind.Width, false)]
    [InlineData("gpt2", GroupKind.Neuron, true)]
    [InlineData("bert", GroupKind.Head, true)]
    public void IsToldByConfig_WhereSizesHaveNoWord_IsFalse(string name, GroupKind kind, bool isTold)
    {
        var model = PretrainedModel.Open(name == "gpt2" ? Gpt2Folder : BertFolder);
        Prune(model, new() { Ratio = 0.25, Kinds = [kind] });
        Assert.Equal(isTold, model.IsToldByConfig());
    }

    [Fact]
    public void Save_OfALlamaWithFewerQueryHeads_CountsThemInConfig()
    {
        var model = PretrainedModel.Open(LlamaFolder);
        Prune(model, new() { Ratio = 0.5, Kinds = [GroupKind.Query] });
        model.Save(Out);
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Out, "config.json")))!;
        Assert.Equal((4, 4), ((int)config["num_attention_heads"]!, (int)config["num_key_value_heads"]!));
        File.Delete(Path.Combine(Out, PretrainedModel.PlanFile)); // as other tools read it
        AssertSameBits(Logits(model), Logits(PretrainedModel.Open(Out)));
    }

    [Fact]
    public void Save_OfALlamaWhoseLayersDiffer_LeavesTheCountsToThePlan()
    {
        var model = PretrainedModel.Open(LlamaFolder);
        Prune(model, new() { Ratio = 0, OwnRatios = [new("model.layers.0.self_attn.*", 0.5)], Kinds = [GroupKind.Head] });
        model.Save(Out);
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Out, "config.json")))!;
        Assert.Equal((8, null), ((int)config["num_attention_heads"]!, config["head_dim"]));
        AssertSameBits(Logits(model), Logits(PretrainedModel.Open(Out)));
    }

    [Fact]
    public void Open_OfAFolderWithDifferentWidths_GivesTheSameLogits()
    {
        var model = PretrainedModel.Open(Gpt2Folder);
        Prune(model, new() { TargetMacs = 0.7, Scope = GroupScope.Global });
        model.Save(Out);
        Assert.Null(JsonNode.Parse(File.ReadAllBytes(Path.Combine(Out, "config.json")))!["n_inner"]);
        AssertSameBits(Logits(model), Logits(PretrainedModel.Open(Out)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Save_OfAModelPrunedTwice_HoldsBoth(bool withPlan)
    {
        var model = PretrainedModel.Open(Gpt2Folder);
        Prune(model, new() { Ratio = 0.25, Kinds = [GroupKind.Head] });
        model.Save(Out);
        if (!withPlan)
            File.Delete(Path.Combine(Out, PretrainedModel.PlanFile));
        var again = PretrainedModel.Open(Out);
        Prune(again, new() { Ratio = withPlan ? 0.5 : 0.25, Before = again.Plan });
        again.Save(Out + "2");
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Out + "2", "config.json")))!;
        Assert.Equal(2, config["pruned_heads"]!["0"]!.AsArray().Count);
        Assert.Equal(withPlan ? 256 : 384, (int)config["n_inner"]!);
        AssertSameBits(Logits(again), Logits(PretrainedModel.Open(Out + "2")));
    }

    [Fact]
    public void Open_WhereConfigAndPlanDisagree_SaysSo()
    {
        var model = PretrainedModel.Open(Gpt2Folder);
        Prune(model, new() { Ratio = 0.5, Kinds = [GroupKind.Neuron] });
        model.Save(Out);
        var path = Path.Combine(Out, "config.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"n_inner\": 256", "\"n_inner\": 255", StringComparison.Ordinal));
        var error = Assert.Throws<ModelException>(() => PretrainedModel.Open(Out));
        Assert.Contains("config.json says n_inner is 255, coppice.json says it is 256", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"12": [0]}""")]
    [InlineData("""{"0": [0, 1, 2, 3]}""")]
    [InlineData("""{"0": [4]}""")]
    [InlineData("""{"0": [1, 1]}""")]
    [InlineData("""{"x": [1]}""")]
    public void Open_OfPrunedHeadsThatCantBe_SaysSo(string heads)
    {
        PretrainedModel.Open(Gpt2Folder).Save(Out);
        var path = Path.Combine(Out, "config.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"n_layer\"", $"\"pruned_heads\": {heads}, \"n_layer\"", StringComparison.Ordinal));
        Assert.Contains("pruned_heads says", Assert.Throws<ModelException>(() => PretrainedModel.Open(Out)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OfAPrunedResNet_GivesTheSameLogits()
    {
        var model = PretrainedVisionModel.Open(ResNetFile, "resnet20");
        var traced = TracedModel.Of(model);
        var dependencies = DependencyGraph.Of(traced.Graph);
        var removal = new GroupPruning { Ratio = 0.5, Scope = GroupScope.Global, MaxRatio = 0.8 }.Choose(dependencies, new(new GroupMagnitude()));
        model.Record(removal.ToPlan(traced.Kind));
        PruningSurgeon.Apply(dependencies, removal, traced.RandomInputs(1), traced.Forward);
        var output = Path.Combine(_folder.Path, "out.th");
        model.Save(output);
        var images = Floats([2, 3, 32, 32]);
        AssertSameBits(model.Classifier.Forward(images), PretrainedVisionModel.Open(output, "resnet20").Classifier.Forward(images));
        File.Delete(PretrainedVisionModel.PlanPath(output));
        Assert.Contains("out.th.plan.json is missing", Assert.Throws<ModelException>(() => PretrainedVisionModel.Open(output, "resnet20")).Message,
            StringComparison.Ordinal);
    }

    private static void Prune(PretrainedModel model, GroupPruning options)
    {
        var traced = TracedModel.Of(model, steps: 9);
        var dependencies = DependencyGraph.Of(traced.Graph);
        var removal = (options with { Include = model.Architecture.Sizes.Globs }).Choose(dependencies, new(new GroupMagnitude()));
        PruningSurgeon.Apply(dependencies, removal, traced.RandomInputs(3), traced.Forward);
        model.Record(removal.ToPlan(traced.Kind));
    }

    private static Tensor Logits(PretrainedModel model) => Logits(model, Ids(2, 7));

    private static Tensor Logits(PretrainedModel model, Tensor ids) => model.Module is ITextClassifier classifier
        ? classifier.Forward(ids)
        : model.CausalLanguageModel.Forward(ids);
}
