using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Evaluation;
using Coppice.Models;
using Coppice.Pruning;
using Coppice.Pruning.Streaming;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Tensors;

namespace Coppice.Tests.Golden;

/// <summary>The headline classifier, before and after pruning, against PyTorch.</summary>
public sealed class BertTests
{
    private const string Name = "bert-thucnews";

    private static readonly string Folder = GoldenFiles.Model(Name);
    private static readonly JsonElement Runs = GoldenFiles.Json(Name, "prune.json").GetProperty("runs");

    public static TheoryData<int> RunNumbers => [.. Enumerable.Range(0, Runs.GetArrayLength())];

    [Fact]
    public void Logits_OfPaddedHeadlines_EqualPyTorch()
    {
        using var golden = Checkpoint.Open(GoldenFiles.PathOf(Name, "logits.safetensors"));
        var (ids, mask) = (golden["input_ids"], GoldenFiles.Numbers(golden["attention_mask"]));
        int[] lengths = [.. mask.Chunk(ids.Shape[1]).Select(row => row.Sum())];
        var logits = PretrainedModel.Open(Folder).TextClassifier.Forward(
            Tensor.From<long>([.. GoldenFiles.Numbers(ids).Select(id => (long)id)], ids.Shape), lengths);
        GoldenFiles.AssertClose(golden["logits"].ToSingle().ToArray<float>(), logits.ToArray<float>(), 2e-4f);
    }

    [Fact]
    public void Accuracy_OnThousandHeadlines_EqualsPyTorch()
    {
        var golden = GoldenFiles.Json(Name, "dev-1000.json");
        var expected = GoldenFiles.Numbers(golden.GetProperty("predicted"));
        var task = ClassificationTask.Open(Folder, TestData.InRepository("samples", "data", "thucnews", "dev-1000.txt"));
        var predicted = task.Predict().Classes;
        // Logits that rounding can order either way are rare: one headline at most.
        Assert.InRange(predicted.Zip(expected).Count(pair => pair.First != pair.Second), 0, 1);
        Assert.Equal(golden.GetProperty("correct").GetInt32() / 1000.0, task.Measure(predicted).Accuracy, 0.0011);
    }

    [Theory]
    [MemberData(nameof(RunNumbers))]
    public void Prune_ThenSaveAndReopen_EqualsPyTorch(int number)
    {
        var run = Runs[number];
        using var folder = new TempFolder();
        var output = Path.Combine(folder.Path, "pruned");
        using (var checkpoint = Checkpoint.Open(Folder))
        {
            string[] include = [.. run.GetProperty("scope").EnumerateArray().Select(part =>
                $"bert.encoder.layer.*.attention.self.{part.GetString()}.weight")];
            var result = Pruner.Prune(WeightSelector.Select(checkpoint.Tensors, ModelFacts.Of(checkpoint), include),
                new PruneRequest(new MagnitudePruning(), PruneAmount.Fraction(run.GetProperty("amount").GetDouble()))
                {
                    Scope = run.GetProperty("mode").GetString() == "global" ? PruneScope.Global : PruneScope.PerTensor,
                    Semantics = PruneSemantics.Torch,
                });
            Assert.Equal(GoldenFiles.Numbers(run.GetProperty("zeros_per_tensor")), result.Weights.Select(weight => (int)weight.ZerosAfter));
            checkpoint.Save(output, result.Tensors.OfType<MaskedTensor>());
        }
        using var pruned = Checkpoint.Open(output);
        GoldenFiles.AssertHashes(run.GetProperty("sha256"), pruned);
    }
}
