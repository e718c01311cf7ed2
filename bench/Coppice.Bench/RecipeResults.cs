using System.Globalization;
using Coppice.Recipes;

namespace Coppice.Bench;

/// <summary>A table and a plot of recipes that have been run, from their lock files: nothing is run here.</summary>
internal static class RecipeResults
{
    /// <param name="runs">A folder of runs, as <c>coppice train -o</c> writes them.</param>
    /// <param name="plot">The SVG file to write: accuracy against the amount, one line for each recipe that was run with several.</param>
    public static void Write(string runs, string plot)
    {
        var report = new Report("recipes");
        report.Line("\nFrom the lock files of runs, mean over seeds (smallest to largest). Accuracy in %, on the whole test data.");
        report.Header("recipe", "amount", "zeros in scope", "seeds", "at the start", "pruned at once", "at the end");
        var rows = Locks(runs).GroupBy(run => (run.Recipe, run.Amount)).OrderBy(group => group.Key.Recipe, StringComparer.Ordinal)
            .ThenBy(group => group.Key.Amount).Select(group => new Row(group.Key.Recipe, group.Key.Amount, [.. group.Select(run => run.Lock)])).ToList();
        foreach (var row in rows)
            report.Row(row.Recipe, Share(row.Amount), Share(row.Runs.Average(run => run.Reports[^1].SparsityInScope)), $"{row.Runs.Count}",
                row.Show(run => run.Reports[0]), row.Show(run => run.Reports.Skip(1).LastOrDefault(stage => stage.Type == "prune")),
                row.Show(run => run.Reports[^1]));
        File.WriteAllText(plot, RecipePlot.Svg([.. rows.GroupBy(row => row.Recipe).Where(line => line.Count() > 1)
            .Select(line => (line.Key, (IReadOnlyList<(double, double)>)[.. line.Select(row => (row.Amount!.Value, row.Accuracy))]))]));
        Console.WriteLine($"Written to {report.Save()} and {plot}");
    }

    private static IEnumerable<(string Recipe, double? Amount, RunLock Lock)> Locks(string runs)
    {
        foreach (var file in Directory.EnumerateFiles(runs, "lock.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var run = RunLock.Read(file);
            var recipe = Path.GetFullPath(run.Recipe, Path.GetDirectoryName(Path.GetFullPath(file))!);
            var settings = new Dictionary<string, string>(run.Settings);
            settings.TryAdd(RecipeFile.DataVariable, "");
            var amount = RecipeFile.Read(recipe, settings).Recipe.Stages.Select(AmountOf).LastOrDefault(share => share is not null);
            yield return (Path.GetFileNameWithoutExtension(recipe), amount, run);
        }
    }

    private static double? AmountOf(RecipeStage stage) => stage switch
    {
        PruneStage prune => prune.Amount,
        TrainStage { Prune: { } prune } => prune.Amount,
        _ => null,
    };

    private static string Share(double? share) => share is { } value ? value.ToString("P1", CultureInfo.InvariantCulture) : "";

    private sealed record Row(string Recipe, double? Amount, IReadOnlyList<RunLock> Runs)
    {
        public double Accuracy => Runs.Average(run => run.Reports[^1].Quality!.Accuracy);

        public string Show(Func<RunLock, StageReport?> stage)
        {
            var values = Runs.Select(run => stage(run)?.Quality).OfType<Quality>().Select(quality => quality.Perplexity ?? 100 * quality.Accuracy).ToList();
            if (values.Count == 0)
                return "";
            var mean = values.Average().ToString("F2", CultureInfo.InvariantCulture);
            return values.Count == 1 || values.Min() == values.Max() ? mean
                : string.Create(CultureInfo.InvariantCulture, $"{mean} ({values.Min():F2} to {values.Max():F2})");
        }
    }
}
