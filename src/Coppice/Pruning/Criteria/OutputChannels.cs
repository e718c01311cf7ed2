using Coppice.Modules;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>The output channels of a layer, with every parameter that has to be masked for a channel to be dead.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Parameters">Parameters and the axis of the channels in each.</param>
internal sealed record OutputChannels(string Name, IReadOnlyList<(Module Module, string Name, int Axis)> Parameters)
{
    /// <summary>Number of channels.</summary>
    public int Count => Parameters[0].Module.Parameter(Parameters[0].Name).Shape[Parameters[0].Axis];

    /// <summary>The channels of a layer's weight and bias, and of the batch normalisation behind it.</summary>
    public static OutputChannels Of(string name, Module? layer, int axis, BatchNorm? norm)
    {
        var parameters = new List<(Module, string, int)>();
        if (layer is not null)
            parameters.Add((layer, "weight", axis));
        foreach (var module in new[] { layer, norm })
            foreach (var vector in module?.Parameters.Where(entry => entry.Value.Shape.Rank == 1).Select(entry => entry.Key) ?? [])
                parameters.Add((module!, vector, 0));
        return new(name, parameters);
    }

    /// <summary>Which channels have an unmasked entry in any of the parameters.</summary>
    public bool[] Alive()
    {
        var alive = new bool[Count];
        foreach (var (module, name, axis) in Parameters)
        {
            var parameter = module.Parameter(name);
            if (parameter.Mask is not { } mask)
                return [.. alive.Select(_ => true)];
            var channels = new Channels(mask.Shape, axis);
            var values = mask.AsReadOnlySpan<float>();
            for (var i = 0; i < values.Length; i++)
                alive[channels.Of(i)] |= values[i] != 0;
        }
        return alive;
    }

    /// <summary>Masks the marked channels in all parameters.</summary>
    public void Prune(bool[] marked)
    {
        foreach (var (module, name, axis) in Parameters)
        {
            var parameter = module.Parameter(name);
            var mask = parameter.Mask is { } before ? BinaryMask.Copy(before) : Tensor.Full(parameter.Shape, 1);
            new Channels(mask.Shape, axis).Prune(mask, marked);
            new CustomFromMask(mask).Apply(module, name);
        }
    }
}
