using System.Text.Json.Nodes;
using Coppice.Evaluation;
using Coppice.Models;
using Coppice.Tensors;

namespace Coppice.Cli.Comparison;

/// <summary>Measures two text classifiers side by side.</summary>
internal static class ClassifierSections
{
    private const int BatchSize = 64;
    private const int BatchTokens = 32;

    public static IEnumerable<IComparisonSection> Measure(
        PretrainedModel before, PretrainedModel after, ComparisonSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        var (first, second) = (before.TextClassifier, after.TextClassifier);
        terminal.Note("measuring speed");
        yield return SpeedSection.OfLoading(() => PretrainedModel.Open(before.Folder), () => PretrainedModel.Open(after.Folder));
        yield return MemorySection.Measure([before.Folder], [after.Folder]);
        yield return new SpeedSection("latency", $"batch of {BatchSize} x {BatchTokens} tokens",
            Interleaved.Measure(() => RunBatch(first), () => RunBatch(second), settings.Rounds), BatchSize, "examples");
        if (settings.Data is null)
            yield break;
        var taskBefore = ClassificationTask.Open(before, settings.Data);
        var taskAfter = ClassificationTask.Open(after, settings.Data);
        var predictedBefore = terminal.Progress("classify before", "examples", taskBefore.Labels.Count, progress => taskBefore.Predict(progress, cancellation));
        var predictedAfter = terminal.Progress("classify after", "examples", taskAfter.Labels.Count, progress => taskAfter.Predict(progress, cancellation));
        yield return new ClassificationSection(taskBefore.Measure(predictedBefore.Classes), taskAfter.Measure(predictedAfter.Classes),
            PairedDifference.Compute([.. taskBefore.Labels], predictedBefore.Classes, predictedAfter.Classes, taskBefore.Classes.Count, (ulong)settings.Seed));
        yield return new AgreementSection(OutputAgreement.Of(predictedBefore.Logits, predictedAfter.Logits), settings.Data);
    }

    private static void RunBatch(ITextClassifier classifier)
    {
        using var scope = new TensorScope();
        classifier.Forward(Tensor.Zeros([BatchSize, BatchTokens], DType.I64));
    }
}

/// <summary>Accuracy and F1 of both, with what the difference is worth statistically.</summary>
internal sealed class ClassificationSection(ClassificationReport before, ClassificationReport after, PairedDifference difference) : IComparisonSection
{
    public IEnumerable<KeyValuePair<string, JsonNode?>> ToJson() =>
    [
        new("classification", new JsonObject
        {
            ["before"] = Reports.ToJson(before),
            ["after"] = Reports.ToJson(after),
            ["accuracy_difference"] = ToJson(difference.Accuracy),
            ["f1_macro_difference"] = ToJson(difference.MacroF1),
            ["mcnemar_p_value"] = difference.McNemar.PValue,
            ["only_before_right"] = difference.McNemar.OnlyBeforeRight,
            ["only_after_right"] = difference.McNemar.OnlyAfterRight,
        }),
    ];

    public IEnumerable<ComparisonRow> Rows() =>
    [
        ComparisonRow.Of("accuracy", before.Accuracy, after.Accuracy, Reports.Percent),
        ComparisonRow.Of("precision (macro)", before.PrecisionMacro, after.PrecisionMacro, Reports.Percent),
        ComparisonRow.Of("recall (macro)", before.RecallMacro, after.RecallMacro, Reports.Percent),
        ComparisonRow.Of("F1 (macro)", before.F1Macro, after.F1Macro, Reports.Percent),
    ];

    public IEnumerable<string> Remarks()
    {
        yield return $"Accuracy changed by {Points(difference.Accuracy)}, macro F1 by {Points(difference.MacroF1)} (95 % paired bootstrap).";
        yield return $"{difference.McNemar.OnlyBeforeRight} examples were right only before, {difference.McNemar.OnlyAfterRight} only after: "
            + $"McNemar p = {difference.McNemar.PValue:G3}" + (difference.McNemar.PValue < 0.05 ? "." : ", no significant change.");
    }

    private static string Points(DifferenceInterval interval) =>
        $"{interval.Difference * 100:+0.00;-0.00;0.00} points [{interval.Lower * 100:F2}, {interval.Upper * 100:F2}]";

    private static JsonObject ToJson(DifferenceInterval interval) => new()
    {
        ["difference"] = interval.Difference,
        ["lower"] = interval.Lower,
        ["upper"] = interval.Upper,
    };
}
