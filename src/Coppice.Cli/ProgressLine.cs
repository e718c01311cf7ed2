using Coppice.Recipes;

namespace Coppice.Cli;

/// <summary>Where a recipe's run is, for the progress bar.</summary>
/// <param name="Title">Stage and figures.</param>
/// <param name="Done">Steps done of the stage.</param>
/// <param name="Total">Steps of the stage.</param>
/// <param name="Ended">What is worth a line that stays: the result of a stage.</param>
internal sealed record ProgressLine(string Title, double Done, double Total, string? Ended = null)
{
    public static ProgressLine Of(RunProgress progress)
    {
        var stage = $"stage {progress.Stage + 1} of {progress.Stages}, {progress.Type}";
        if (progress.Done is { } done)
            return new(stage, 1, 1, $"{(done.Stage is { } number ? $"stage {number} ({done.Type})" : "at the start")}: {Figures(done)}");
        if (progress.Training is not { } training)
            return new(stage, 0, 1);
        var sparsity = training.Values.TryGetValue("sparsity", out var zeros) ? $", sparsity {zeros:P1}" : "";
        return new($"{stage}: step {training.Step}, loss {training.Loss:F4}, accuracy {training.Accuracy:P1}{sparsity}, "
            + $"{training.ExamplesPerSecond:N0} examples/s", training.Step, training.Steps);
    }

    private static string Figures(StageReport report) => (report.Quality switch
    {
        null => "",
        { Perplexity: { } perplexity } => $"perplexity {perplexity:F3}, ",
        { } quality => $"accuracy {quality.Accuracy:P2}, ",
    }) + $"sparsity {report.SparsityInScope:P2} in scope";
}
