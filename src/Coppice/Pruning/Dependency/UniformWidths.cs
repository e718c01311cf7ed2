namespace Coppice.Pruning.Dependency;

/// <summary>Makes layers that were alike stay alike: formats with one number for all layers, such as config.json, can't say more.</summary>
public static class UniformWidths
{
    /// <summary>A removal in which groups of one kind and size keep equally many indices, as many as a removal leaves them on average, rounded
    /// down.</summary>
    /// <param name="dependencies">What depends on what.</param>
    /// <param name="removal">How much goes; what of other groups it removes stays removed.</param>
    /// <param name="options">How it was chosen; all groups in their scope are made alike.</param>
    /// <param name="importance">Scores the indices: the lowest go.</param>
    public static Removal Level(DependencyGraph dependencies, Removal removal, GroupPruning options, GroupImportance importance)
    {
        var left = dependencies.Groups.Where(group => options.IsInScope(group) && importance.Score(group) is not null)
            .GroupBy(group => (group.Kind, group.Size)).SelectMany(alike => alike, (alike, group) => (group,
                size: Left([.. alike.Select(other => removal.KeptOf(other).Length)], options.RoundTo)))
            .ToDictionary(entry => entry.group, entry => Math.Min(entry.size, entry.group.Size));
        var level = new Removal(dependencies);
        foreach (var group in dependencies.Groups)
        {
            int[] gone = [.. left.TryGetValue(group, out var size) ? Lowest(importance.Score(group)!, group.Size - size)
                : Enumerable.Range(0, group.Size).Except(removal.KeptOf(group))];
            if (gone.Length > 0)
                level.Remove(group, gone);
        }
        return level;
    }

    private static int Left(int[] kept, int multiple)
    {
        var mean = kept.Sum() / kept.Length;
        return kept.All(size => size == kept[0]) ? mean : Math.Max(multiple, mean / multiple * multiple);
    }

    private static IEnumerable<int> Lowest(double[] scores, int count) =>
        Enumerable.Range(0, scores.Length).OrderBy(index => scores[index]).Take(count);
}
