using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Training.Distillation;

/// <summary>Remembers the last tensor that a module showed at each of some points, until it is disposed.</summary>
internal sealed class Observation : IDisposable
{
    private readonly string _path;
    private readonly Tensor?[] _seen;
    private readonly List<IDisposable> _registrations = [];

    public Observation(Module module, string path, IReadOnlyList<ObservationPoint> points)
    {
        (Module, _path, _seen) = (module, path, new Tensor?[points.Count]);
        foreach (var (i, point) in points.Index())
            _registrations.Add(module.Observe(tensor => _seen[i] = tensor, point));
    }

    public Module Module { get; }

    /// <summary>What was seen, which is forgotten then.</summary>
    /// <exception cref="TrainingException">The module did not run.</exception>
    public Tensor[] Take()
    {
        Tensor[] seen = [.. _seen.Select(tensor => tensor ?? throw new TrainingException(
            $"'{_path}' ({Module.GetType().Name}) showed nothing in the forward pass: distil from a module that takes part in it."))];
        Array.Clear(_seen);
        return seen;
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }
}
