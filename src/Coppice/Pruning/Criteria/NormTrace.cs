using Coppice.Data;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;
using Coppice.Tensors.Tracing;
using Coppice.Training;
using BatchNorm = Coppice.Modules.BatchNorm;
using Conv2d = Coppice.Modules.Conv2d;
using Linear = Coppice.Modules.Linear;

namespace Coppice.Pruning.Criteria;

/// <summary>Follows channels through a forward pass: hooks tell which module made a tensor, ops where it goes.</summary>
internal sealed class NormTrace : TraceScope
{
    private readonly Dictionary<Module, string> _names;
    private readonly List<IDisposable> _hooks = [];
    private readonly Dictionary<Tensor, Layer> _madeBy = [];
    private readonly Dictionary<Tensor, int> _reads = [];
    private readonly Dictionary<BatchNorm, Tensor> _inputs = [];
    private readonly Dictionary<Tensor, BatchNorm> _channelsOf = [];
    private readonly Dictionary<Tensor, HashSet<BatchNorm>> _reachedFrom = [];
    private readonly Dictionary<BatchNorm, string> _obstacles = [];

    public NormTrace(Module model)
    {
        _names = model.NamedModules().ToDictionary(entry => entry.Module, entry => entry.Name);
        foreach (var layer in _names.Keys.OfType<Layer>())
            if (layer is BatchNorm norm)
            {
                _hooks.Add(layer.RegisterForwardPreHook((_, input) => Reads(norm, input)));
                _hooks.Add(layer.RegisterForwardHook((_, output) => Start(output, norm)));
            }
            else if (layer is Conv2d or Linear or Conv1D)
            {
                _hooks.Add(layer.RegisterForwardHook((_, output) => Made(output, layer)));
            }
    }

    public List<NormLink> Run(TrainingTask task, TrainingBatch batch)
    {
        var wasTraining = task.Module.IsTraining;
        using var paused = Tape.Pause();
        using var scope = new TensorScope();
        try
        {
            task.Module.Train(false);
            var output = task.Forward(batch);
            return [.. _names.Keys.OfType<BatchNorm>().Where(_inputs.ContainsKey).Select(norm => Link(norm, output))];
        }
        finally
        {
            _hooks.ForEach(hook => hook.Dispose());
            task.Module.Train(wasTraining);
        }
    }

    public override void Record(Op op, ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        foreach (var input in inputs)
            _reads[input] = _reads.GetValueOrDefault(input) + 1;
        if (op is Tensors.Ops.Conv2d { Groups: 1 } or Tensors.Ops.Linear)
            return; // each output reads the channels through weights of its own: they can be cut there
        HashSet<BatchNorm> norms = [], reached = [];
        foreach (var input in inputs)
        {
            if (_channelsOf.TryGetValue(input, out var norm))
                norms.Add(norm);
            reached.UnionWith(_reachedFrom.GetValueOrDefault(input) ?? []);
        }
        foreach (var output in outputs)
            _reachedFrom[output] = reached;
        if (norms.Count == 1 && KeepsChannels(op, inputs, outputs[0]))
            _channelsOf[outputs[0]] = norms.Single();
        else
            foreach (var norm in norms)
                _obstacles.TryAdd(norm, op is Tensors.Ops.Conv2d ? "a grouped convolution reads them" : $"{op.Name} reads them");
    }

    private Tensor Reads(BatchNorm norm, Tensor input)
    {
        if (!_inputs.TryAdd(norm, input))
            _obstacles.TryAdd(norm, "it runs more than once");
        return input;
    }

    private Tensor Made(Tensor output, Layer layer)
    {
        _madeBy[output] = layer;
        return output;
    }

    private Tensor Start(Tensor output, BatchNorm norm)
    {
        _channelsOf[output] = norm;
        _reachedFrom[output] = [norm];
        return output;
    }

    /// <summary>Whether the output has the input's channels in their order: element by element, pooled, flattened behind the
    /// batch.</summary>
    private bool KeepsChannels(Op op, ReadOnlySpan<Tensor> inputs, Tensor output) => op switch
    {
        UnaryOp or PoolOp or Contiguous => true,
        Reshape => inputs[0].Shape[0] == output.Shape[0] && output.Shape.Rank == 2,
        BinaryOp => inputs.ToArray().All(input => input.Count == 1 || _channelsOf.ContainsKey(input)),
        _ => false,
    };

    private NormLink Link(BatchNorm norm, Tensor output)
    {
        var input = _inputs[norm];
        // Without other readers, and run once: masking the layer's filters changes nothing else.
        var layer = _madeBy.TryGetValue(input, out var maker) && _reads[input] == 1 && _madeBy.Values.Count(made => made == maker) == 1
            ? maker : null;
        var isOutput = _reachedFrom.GetValueOrDefault(output)?.Contains(norm) == true;
        var obstacle = isOutput ? "they reach the model's output"
            : _obstacles.GetValueOrDefault(norm) ?? (layer is null ? "no layer's output goes there alone" : null);
        return new(_names[norm], norm, layer is null ? null : _names[layer], layer, obstacle, isOutput);
    }
}
