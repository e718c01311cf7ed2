using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning.Masks;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;

namespace Coppice.Tests.Docs;

/// <summary>docs/pruning-masks.md: its samples stand here word for word and run.</summary>
public sealed partial class PruningMasksPageTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Page_Samples_AreTheOnesTestedHere()
    {
        var page = File.ReadAllText(TestData.InRepository("docs", "pruning-masks.md"));
        var source = Unindented(File.ReadAllText(ThisFile()));
        string[] blocks = [.. Block().Matches(page).Select(match => match.Groups[1].Value)];
        string[] calls = [.. TorchRow().Matches(page).Select(match => match.Groups[1].Value)];
        Assert.Equal((3, 9), (blocks.Length, calls.Length));
        Assert.All([.. blocks, .. calls], sample => Assert.Contains(Unindented(sample), source, StringComparison.Ordinal));
    }

    [Fact]
    public void LiveModel_AsOnThePage_IsPrunedAndSaved()
    {
        var (folder, masked, pruned) = (TestData.InRepository("samples", "models", "bert-thucnews"), _folder["masked"], _folder["pruned"]);

        var model = PretrainedModel.Open(folder);
        var query = model.Module.Find("bert.encoder.layer.0.attention.self.query");
        Prune.L1Unstructured(query, "weight", 0.3);      // state dictionary: weight_orig, weight_mask
        Prune.LnStructured(query, "weight", 0.25, 2, 0); // on top: a quarter of the rows that remain
        model.Save(masked);                              // masks included
        Prune.Remove(query, "weight");                   // permanent: the zeros are stored, the mask is gone
        model.Save(pruned);

        Assert.True(Prune.IsPruned(PretrainedModel.Open(masked).Module));
        Assert.Equal(query.Parameter("weight").Value.ToArray<float>(), QueryOf(pruned));
        Finalize(masked, _folder["final"]);
        Assert.Equal(QueryOf(pruned), QueryOf(_folder["final"]));
    }

    [Fact]
    public void Checkpoint_AsOnThePage_IsPruned()
    {
        var (folder, pruned) = (TestData.InRepository("samples", "models", "bert-thucnews"), _folder["pruned"]);

        using var checkpoint = Checkpoint.Open(folder);
        var selection = WeightSelector.Select(checkpoint.Tensors, ModelFacts.Of(checkpoint), exclude: ["*.output.*"]);
        var result = Pruner.Prune(selection, new PruneRequest(new LampPruning(), 0.5));
        checkpoint.Save(pruned, result.Tensors.OfType<MaskedTensor>());

        Assert.Equal(0.5, result.ScopeSparsity, 3);
    }

    [Fact]
    public void Table_OfTorchCalls_Runs()
    {
        var (m, random, mask) = (new Linear(4, 4), new RandomSource(1), Tensor.Full([4, 4], 1));
        (Module, string)[] ps = [(m, "weight"), (m, "bias")];

        Prune.Identity(m, "weight");
        Prune.CustomFromMask(m, "weight", mask);
        Prune.L1Unstructured(m, "weight", 0.3);
        Prune.RandomUnstructured(m, "weight", 10, random);
        Assert.Equal(1, m.Parameter("weight").Mask!.ToArray<float>().Sum());
        Prune.Remove(m, "weight");
        Prune.LnStructured(m, "weight", 0.5, 2, 0);
        Prune.RandomStructured(m, "weight", 0.5, random, 0);
        Prune.GlobalUnstructured(ps, new L1Unstructured(0.5));
        Assert.True(Prune.IsPruned(m));
    }

    private static void Finalize(string masked, string final)
    {
        using var checkpoint = Checkpoint.Open(masked);
        checkpoint.Save(final, MaskFinalizer.Finalize(checkpoint.Tensors).Changes);
    }

    private static float[] QueryOf(string folder)
    {
        using var checkpoint = Checkpoint.Open(folder);
        return checkpoint["bert.encoder.layer.0.attention.self.query.weight"].ToSingle().ToArray<float>();
    }

    private static string ThisFile([CallerFilePath] string path = "") =>
        TestData.InRepository("tests", "Coppice.Tests", "Docs", Path.GetFileName(path));

    private static string Unindented(string code) => string.Join('\n', code.Trim().Split('\n').Select(line => line.Trim()));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^\| `prune\..*\| `(.*)` \|$", RegexOptions.Multiline)]
    private static partial Regex TorchRow();
}
