using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>A module that maps one tensor to one tensor.</summary>
public abstract class Layer : Module
{
    private readonly List<Func<Layer, Tensor, Tensor>> _preHooks = [];
    private readonly List<Func<Layer, Tensor, Tensor>> _hooks = [];

    /// <summary>Runs the layer between its hooks.</summary>
    public Tensor Forward(Tensor input)
    {
        foreach (var hook in _preHooks)
            input = hook(this, input);
        var output = Compute(input);
        foreach (var hook in _hooks)
            output = hook(this, output);
        return Observed(output);
    }

    /// <summary>Calls <paramref name="hook"/> with each input before the layer runs; what it returns takes the input's place.</summary>
    /// <returns>Removes the hook when disposed.</returns>
    public IDisposable RegisterForwardPreHook(Func<Layer, Tensor, Tensor> hook)
    {
        _preHooks.Add(hook);
        return new Registration(() => _preHooks.Remove(hook));
    }

    /// <summary>Calls <paramref name="hook"/> with each output; what it returns takes its place.</summary>
    /// <returns>Removes the hook when disposed.</returns>
    public IDisposable RegisterForwardHook(Func<Layer, Tensor, Tensor> hook)
    {
        _hooks.Add(hook);
        return new Registration(() => _hooks.Remove(hook));
    }

    /// <summary>The layer's own computation.</summary>
    protected abstract Tensor Compute(Tensor input);
}

/// <summary>Layers applied one after another, named by their number as in torch.</summary>
public sealed class Sequential : Layer
{
    /// <summary>Chains the layers in order.</summary>
    public Sequential(params Layer[] layers)
    {
        for (var i = 0; i < layers.Length; i++)
            Register(i.ToString(), layers[i]);
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input)
    {
        foreach (var layer in Children.Values.Cast<Layer>())
            input = layer.Forward(input);
        return input;
    }
}
