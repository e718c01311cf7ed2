namespace Coppice.Checkpoints.Writing;

/// <summary>What to write for each tensor of a checkpoint.</summary>
internal sealed class Replacements
{
    private readonly Dictionary<string, IReadOnlyList<TensorSource>> _byName = [];

    /// <summary>Other values under the same names; one for a tied tensor stands for all its names.</summary>
    /// <exception cref="ArgumentException">A replacement's name is unknown, or given twice.</exception>
    public Replacements(IReadOnlyDictionary<string, TensorSource> originals, IEnumerable<TensorSource> replacements)
    {
        var byIdentity = new Dictionary<object, TensorSource>();
        foreach (var replacement in replacements)
        {
            if (!originals.TryGetValue(replacement.Name, out var original))
                throw new ArgumentException($"The checkpoint has no tensor '{replacement.Name}' to replace.", nameof(replacements));
            if (!_byName.TryAdd(replacement.Name, [replacement]))
                throw new ArgumentException($"Tensor '{replacement.Name}' is replaced twice.", nameof(replacements));
            byIdentity.TryAdd(original.Identity, replacement);
        }
        foreach (var original in originals.Values)
            if (!_byName.ContainsKey(original.Name) && byIdentity.TryGetValue(original.Identity, out var replacement))
                _byName.Add(original.Name, [new NamedTensor(original.Name, replacement)]);
    }

    /// <summary>Any tensors in the place of some; no tie is followed.</summary>
    /// <exception cref="ArgumentException">A name is unknown, or two tensors would have the same.</exception>
    public Replacements(
        IReadOnlyDictionary<string, TensorSource> originals, IReadOnlyDictionary<string, IReadOnlyList<TensorSource>> changes)
    {
        if (changes.Keys.FirstOrDefault(name => !originals.ContainsKey(name)) is { } unknown)
            throw new ArgumentException($"The checkpoint has no tensor '{unknown}' to change.", nameof(changes));
        _byName = changes.ToDictionary();
        var names = new HashSet<string>();
        foreach (var tensor in originals.Values.SelectMany(Of))
            if (!names.Add(tensor.Name))
                throw new ArgumentException($"Two tensors would be named '{tensor.Name}'.", nameof(changes));
    }

    /// <summary>What takes the place of a tensor: itself, unless it is replaced.</summary>
    public IReadOnlyList<TensorSource> Of(TensorSource original) => _byName.GetValueOrDefault(original.Name, [original]);
}
