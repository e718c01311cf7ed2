namespace Coppice.Checkpoints.Writing;

/// <summary>What to write for each tensor of a checkpoint.</summary>
internal sealed class Replacements
{
    private readonly Dictionary<string, TensorSource> _byName = [];

    /// <exception cref="ArgumentException">A replacement's name is unknown, or given twice.</exception>
    public Replacements(IReadOnlyDictionary<string, TensorSource> originals, IEnumerable<TensorSource> replacements)
    {
        var byIdentity = new Dictionary<object, TensorSource>();
        foreach (var replacement in replacements)
        {
            if (!originals.TryGetValue(replacement.Name, out var original))
                throw new ArgumentException($"The checkpoint has no tensor '{replacement.Name}' to replace.", nameof(replacements));
            if (!_byName.TryAdd(replacement.Name, replacement))
                throw new ArgumentException($"Tensor '{replacement.Name}' is replaced twice.", nameof(replacements));
            byIdentity.TryAdd(original.Identity, replacement);
        }
        foreach (var original in originals.Values)
            if (!_byName.ContainsKey(original.Name) && byIdentity.TryGetValue(original.Identity, out var replacement))
                _byName.Add(original.Name, new NamedTensor(original.Name, replacement));
    }

    /// <summary>The replacement of a tensor, or the tensor itself.</summary>
    public TensorSource Of(TensorSource original) => _byName.GetValueOrDefault(original.Name, original);
}
