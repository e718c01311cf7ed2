using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Bench;

/// <summary>What masks cost in the forward pass: BERT without any, with masks in force on all query, key and value weights, and after
/// their removal. Targets: under 5 % extra in force, none after removal.</summary>
internal static class MaskBenchmark
{
    private const int Tokens = 32;
    private const int Rounds = 41;

    private static readonly string[] Masked = ["query", "key", "value"];

    public static void Run(Report report)
    {
        report.Line($"\nForward of samples/models/bert-thucnews, {Tokens} tokens a row; half of all query, key and value weights pruned. "
            + "Medians, taking turns; a ratio above 1 is slower than without masks.");
        report.Header("batch", "no mask, ms", "the same once more, ratio", "masks in force, ratio", "after Remove, ratio");
        var (plain, again, masked, removed) = (Open(), Open(), Open(), Open());
        foreach (var module in Pruned(masked).Concat(Pruned(removed)))
            Prune.L1Unstructured(module, "weight", 0.5);
        foreach (var module in Pruned(removed))
            Prune.Remove(module, "weight");
        foreach (var batch in new[] { 1, 8, 64 })
        {
            var ids = Tensor.From<long>([.. Enumerable.Range(0, batch * Tokens).Select(i => 100L + i % 4000)], [batch, Tokens]);
            var seconds = Measure.Medians(Rounds, () => Forward(plain, ids), () => Forward(again, ids), () => Forward(masked, ids),
                () => Forward(removed, ids));
            report.Row($"{batch}", $"{seconds[0] * 1000:f2}", Ratio(1), Ratio(2), Ratio(3));

            string Ratio(int contender) => $"{seconds[contender] / seconds[0]:f3}";
        }
    }

    private static PretrainedModel Open() => PretrainedModel.Open(Path.Combine(Report.Root, "samples", "models", "bert-thucnews"));

    private static List<Module> Pruned(PretrainedModel model) =>
        [.. model.Module.NamedModules().Where(entry => Masked.Contains(entry.Name.Split('.')[^1])).Select(entry => entry.Module)];

    private static void Forward(PretrainedModel model, Tensor ids)
    {
        using var scope = new TensorScope();
        model.TextClassifier.Forward(ids);
    }
}
