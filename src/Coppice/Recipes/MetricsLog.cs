using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Training;

namespace Coppice.Recipes;

/// <summary>The file that a run's reports go to, a JSON object a line; acts in training so as to drop what a resumed stage repeats.</summary>
/// <param name="path">The file.</param>
/// <param name="stage">The stage that is trained.</param>
internal sealed class MetricsLog(string path, int stage) : TrainingCallback
{
    /// <inheritdoc/>
    public override void Started(Trainer trainer)
    {
        if (!File.Exists(path))
            return;
        var kept = File.ReadLines(path).Where(line => IsBefore(line, trainer.Step)).ToList();
        AtomicOutput.Write(path, string.Concat(kept.Select(line => line + "\n")));
    }

    public void Add(TrainingReport report, double learningRate)
    {
        var line = new JsonObject
        {
            ["stage"] = stage,
            ["step"] = report.Step,
            ["epoch"] = report.Epoch,
            ["loss"] = report.Loss,
            ["accuracy"] = report.Accuracy,
            ["learningRate"] = learningRate * report.LearningRateFactor,
            ["examplesPerSecond"] = Math.Round(report.ExamplesPerSecond, 1),
        };
        foreach (var (name, value) in report.Values)
            line[name] = value;
        if (report.Validation is { } validation)
        {
            line["validationLoss"] = validation.Loss;
            line["validationAccuracy"] = validation.Accuracy;
        }
        File.AppendAllText(path, line.ToJsonString() + "\n");
    }

    /// <summary>Whether a line was there at this step; one that a kill cut short was not.</summary>
    private bool IsBefore(string line, long step)
    {
        try
        {
            return JsonNode.Parse(line) is JsonObject entry && ((int)entry["stage"]!, (long)entry["step"]!).CompareTo((stage, step)) <= 0;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
