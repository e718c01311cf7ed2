using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Graphs;

/// <summary>Modules made from the full names of the parameters and buffers of a graph that no model was traced for.</summary>
internal sealed class GraphState : Module
{
    public void Add(string path, Parameter parameter)
    {
        var (owner, key) = Owner(path);
        owner.Register(key, parameter);
    }

    /// <returns>The module that holds the buffer, and the name it has there.</returns>
    public (Module Owner, string Key) Add(string path, Tensor buffer)
    {
        var (owner, key) = Owner(path);
        owner.RegisterBuffer(key, buffer);
        return (owner, key);
    }

    private (GraphState Owner, string Key) Owner(string path)
    {
        var parts = path.Split('.');
        var owner = this;
        foreach (var part in parts[..^1])
            owner = owner.Children.TryGetValue(part, out var child) ? (GraphState)child : owner.Register(part, new GraphState());
        return (owner, parts[^1]);
    }
}
