using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>Keys and values of past positions, one pair of tensors [batch, heads, capacity, headDim] a layer.</summary>
public sealed class KvCache
{
    private readonly (Tensor Keys, Tensor Values)?[] _layers;

    /// <summary>An empty cache; the memory is taken when a layer first stores into it.</summary>
    /// <param name="layers">Number of attention layers.</param>
    /// <param name="capacity">Positions it can hold.</param>
    public KvCache(int layers, int capacity)
    {
        _layers = new (Tensor, Tensor)?[layers];
        Capacity = capacity;
    }

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

    private Tensor Allocate(Shape shape) => TensorScope.Detach(Tensor.Empty(shape.With(2, Capacity)));
}
