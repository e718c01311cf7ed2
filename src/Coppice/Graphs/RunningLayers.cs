using Coppice.Modules;

namespace Coppice.Graphs;

/// <summary>Watches which layers of a model are running.</summary>
internal sealed class RunningLayers : IDisposable
{
    private readonly Stack<string> _names = [];
    private readonly List<IDisposable> _hooks = [];

    public RunningLayers(Module model)
    {
        foreach (var (name, module) in model.NamedModules())
            if (module is Layer layer)
            {
                _hooks.Add(layer.RegisterForwardPreHook((_, input) =>
                {
                    _names.Push(name);
                    return input;
                }));
                _hooks.Add(layer.RegisterForwardHook((_, output) =>
                {
                    _names.Pop();
                    return output;
                }));
            }
    }

    /// <summary>Full name of the innermost layer that runs now, or of the part of a model without layers; empty where none does.</summary>
    public string Innermost => _names.TryPeek(out var name) ? name : $"{RunningPart.Current}";

    public void Dispose() => _hooks.ForEach(hook => hook.Dispose());
}
