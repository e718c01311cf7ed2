using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>Keys and values of past positions, one pair of tensors [batch, heads, capacity, headDim] a layer.</summary>
public sealed class KvCache
{
    private readonly (Tensor Keys, Tensor Values)?[] _layers;
    private readonly bool _concatenates;

    /// <summary>An empty cache; the memory is taken when a layer first stores into it.</summary>
    /// <param name="layers">Number of attention layers.</param>
    /// <param name="capacity">Positions it can hold.</param>
    public KvCache(int layers, int capacity)
    {
        _layers = new (Tensor, Tensor)?[layers];
        Capacity = capacity;
    }

    private KvCache(IEnumerable<(Tensor Keys, Tensor Values)?> layers)
    {
        (_layers, _concatenates, Capacity) = ([.. layers], true, int.MaxValue);
        Length = _layers.FirstOrDefault()?.Keys.Shape[2] ?? 0;
    }

    /// <summary>A cache of given past positions that makes new tensors by ops instead of writing into its own, so that a graph can be
    /// traced of it. A step costs a copy of all that is held.</summary>
    /// <param name="layers">Keys and values [batch, heads, past, headDim] of each layer, or null for none yet.</param>
    public static KvCache Concatenating(IEnumerable<(Tensor Keys, Tensor Values)?> layers) => new(layers);

    /// <summary>What each layer holds; null where it has stored nothing yet. Positions behind <see cref="Length"/> mean nothing.</summary>
    public IReadOnlyList<(Tensor Keys, Tensor Values)?> Layers => _layers;

    /// <summary>Positions it can hold.</summary>
    public int Capacity { get; }

    /// <summary>Positions it holds.</summary>
    public int Length { get; private set; }

    /// <summary>Adds keys and values [batch, heads, steps, headDim] of one layer behind the held ones.</summary>
    /// <returns>Views of all held positions and the new ones: [batch, heads, Length + steps, headDim].</returns>
    /// <exception cref="InvalidOperationException">The cache is full.</exception>
    public (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        var steps = keys.Shape[2];
        if (Length + steps > Capacity)
            throw new InvalidOperationException($"The cache holds {Capacity} positions; {Length} are taken and {steps} more do not fit.");
        if (_concatenates)
            return Concatenate(layer, keys, values);
        var (allKeys, allValues) = _layers[layer] ??= (Allocate(keys.Shape), Allocate(values.Shape));
        allKeys.Narrow(2, Length, steps).CopyFrom(keys);
        allValues.Narrow(2, Length, steps).CopyFrom(values);
        return (allKeys.Narrow(2, 0, Length + steps), allValues.Narrow(2, 0, Length + steps));
    }

    /// <summary>Counts positions that every layer has stored.</summary>
    public void Advance(int steps) => Length += steps;

    /// <summary>Forgets the positions behind the first <paramref name="length"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It holds fewer.</exception>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

    private (Tensor Keys, Tensor Values) Concatenate(int layer, Tensor keys, Tensor values)
    {
        if (_layers[layer] is { } past)
            (keys, values) = (Tensor.Concat(2, past.Keys, keys), Tensor.Concat(2, past.Values, values));
        _layers[layer] = (keys, values);
        return (keys, values);
    }

    private Tensor Allocate(Shape shape) => TensorScope.Detach(Tensor.Empty(shape.With(2, Capacity)));
}
