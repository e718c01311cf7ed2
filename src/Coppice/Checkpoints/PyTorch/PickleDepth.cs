namespace Coppice.Checkpoints.PyTorch;

/// <summary>Refuses pickles that nest too deeply or contain themselves, so that later walks may recurse.</summary>
internal static class PickleDepth
{
    /// <summary>Most containers within containers.</summary>
    public const int MaxDepth = 64;

    public static void Check(string path, object? root) => Height(path, root, 1, new(ReferenceEqualityComparer.Instance));

    /// <summary>The values directly inside a value.</summary>
    public static IEnumerable<object?> Children(object? value) => value switch
    {
        PickleDict dict => dict.Attributes is null ? dict.Items.Values : dict.Items.Values.Append(dict.Attributes),
        PickleList list => list.Items,
        PickleTuple tuple => tuple.Items,
        _ => [],
    };

    /// <summary>How deep a value nests. Values met before are not walked again: shared ones could otherwise multiply without end.</summary>
    private static int Height(string path, object? value, int depth, Dictionary<object, int> heights)
    {
        if (value is not (PickleDict or PickleList or PickleTuple))
            return 0;
        const int open = -1;
        if (!heights.TryAdd(value, open))
            return heights[value] is var known && known != open && depth + known <= MaxDepth ? known : throw Error(path);
        if (depth > MaxDepth)
            throw Error(path);
        var height = 0;
        foreach (var child in Children(value))
            height = Math.Max(height, Height(path, child, depth + 1, heights));
        return heights[value] = height + 1;
    }

    private static CheckpointException Error(string path) =>
        new(path, $"the pickle nests more than {MaxDepth} containers, or one that contains itself", "Save the state dict alone.");
}
