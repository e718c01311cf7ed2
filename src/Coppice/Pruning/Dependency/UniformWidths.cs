namespace Coppice.Pruning.Dependency;

/// <summary>Makes layers that were alike stay alike: formats with one number for all layers, such as config.json, can't say more.</summary>
internal static class UniformWidths
{
    /// <summary>A removal in which groups of one kind and size keep equally many indices, as many as a removal leaves them on average, rounded
    /// down.</summary>
    /// <param name="dependencies">What depends on what.</param>
    /// <param name="removal">How much goes; what of other groups it removes stays removed.</param>
    /// <param name="groups">The groups that are made alike; the indices of their lowest scores go.</param>
    /// <param name="multiple">What sizes are multiples of, where groups differed.</param>
    public static Removal Level(DependencyGraph dependencies, Removal removal, IEnumerable<ScoredGroup> groups, int multiple)
    {
        var level = new Removal(dependencies);
        var leveled = new HashSet<PruningGroup>();
        foreach (var alike in groups.GroupBy(group => (group.Group.Kind, group.Group.Size)))
        {
            var left = Math.Min(alike.Key.Size, Left([.. alike.Select(group => removal.KeptOf(group.Group).Length)], multiple));
            foreach (var group in alike)
            {
                leveled.Add(group.Group);
                Remove(group.Group, [.. group.Lowest(alike.Key.Size - left)]);
            }
        }
        foreach (var group in dependencies.Groups.Where(group => !leveled.Contains(group)))
            Remove(group, [.. Enumerable.Range(0, group.Size).Except(removal.KeptOf(group))]);
        return level;

        void Remove(PruningGroup group, int[] indices)
        {
            if (indices.Length > 0)
                level.Remove(group, indices);
        }
    }

    private static int Left(int[] kept, int multiple)
    {
        var mean = kept.Sum() / kept.Length;
        return kept.All(size => size == kept[0]) ? mean : Math.Max(multiple, mean / multiple * multiple);
    }
}
