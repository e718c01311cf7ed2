namespace Coppice.Recipes;

/// <summary>Runs a finished run again and compares.</summary>
/// <param name="Differences">What is not as it was, in sentences; empty where all is.</param>
/// <param name="Outputs">How many files were compared.</param>
public sealed record RunVerification(IReadOnlyList<string> Differences, int Outputs)
{
    /// <summary>Runs the recipe of a lock file into a temporary folder and compares every output's hash and every measurement.</summary>
    /// <param name="lockPath">The <c>lock.json</c> of a finished run.</param>
    /// <param name="report">Told what the run tells.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="RecipeException">There is no such lock file, or its recipe can't be run.</exception>
    public static RunVerification Of(string lockPath, Action<RunProgress>? report = null, CancellationToken cancellation = default)
    {
        var before = RunLock.Read(lockPath);
        var recipe = Path.GetFullPath(before.Recipe, Path.GetDirectoryName(Path.GetFullPath(lockPath))!);
        if (File.Exists(recipe) && FileHashes.Of(recipe) != before.RecipeHash)
            return new([$"The recipe {recipe} has changed since."], 0);
        var file = RecipeFile.Read(recipe, before.Settings);
        file = file with { Recipe = file.Recipe with { Seed = before.Seed } };
        var folder = Directory.CreateTempSubdirectory("coppice-verify-");
        try
        {
            var (measured, damaged) = MeasuredIn(Path.GetDirectoryName(Path.GetFullPath(lockPath))!, before, file.Recipe);
            if (damaged is not null)
                return new([damaged], 0);
            var run = RecipeRun.Prepare(file, folder.FullName, measured);
            var changed = ChangedInputs(before, run.HashInputs()).ToList();
            if (changed.Count > 0)
                return new(changed, 0);
            return new([.. Compare(before, run.Run(report, cancellation))], before.Outputs.Count);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>What stages chose by measuring, which is done again as it was; the first file that is not as it was.</summary>
    private static (Dictionary<int, StageCut> Cuts, string? Damaged) MeasuredIn(string folder, RunLock before, Recipe recipe)
    {
        var cuts = new Dictionary<int, StageCut>();
        foreach (var (number, stage) in recipe.Stages.Index())
            if (stage is CutStage { TargetLatency: not null } && RunFiles.CutName(number) is var name && Path.Combine(folder, name) is var path)
            {
                if (!File.Exists(path) || FileHashes.Of(path) != before.Outputs.GetValueOrDefault(name))
                    return (cuts, $"The file {name}, which holds what stage {number} chose by measuring, has changed or is not there any more.");
                cuts.Add(number, StageCut.Load(path));
            }
        return (cuts, null);
    }

    private static IEnumerable<string> ChangedInputs(RunLock before, SortedDictionary<string, string> now)
    {
        foreach (var (name, hash) in before.Inputs)
            if (now.GetValueOrDefault(name) != hash)
                yield return $"The input {name} {(now.ContainsKey(name) ? "has changed" : "is not there any more")}.";
    }

    private static List<string> Compare(RunLock before, RunLock after)
    {
        var differences = before.Outputs.Where(output => after.Outputs.GetValueOrDefault(output.Key) != output.Value)
            .Select(output => $"The output {output.Key} is another.").ToList();
        foreach (var (one, other) in before.Reports.Zip(after.Reports))
            if (one != other)
                differences.Add($"{(one.Stage is { } stage ? $"Stage {stage} ({one.Type})" : "The model at the start")} measures otherwise: "
                    + $"{other.Quality} and sparsity {other.SparsityInScope} instead of {one.Quality} and {one.SparsityInScope}.");
        if (differences.Count > 0 && (before.Machine, before.Coppice) != (after.Machine, after.Coppice))
            differences.Add($"It ran with Coppice {after.Coppice} on {after.Machine} instead of {before.Coppice} on {before.Machine}.");
        return differences;
    }
}
