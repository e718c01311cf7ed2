using System.Diagnostics;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using Coppice.Tensors.Tracing;

namespace Coppice.Bench;

/// <summary>Where the time of a training step goes: each op of a forward pass timed, then its gradients computed once more.</summary>
internal sealed class OpTimes : TraceScope
{
    private readonly List<(Op Op, Tensor[] Inputs, Tensor[] Outputs)> _ops = [];
    private readonly Dictionary<string, (int Count, double Forward, double Backward)> _times = [];
    private readonly Dictionary<string, (int Count, double Forward, double Backward)> _fastest = [];
    private bool _isDifferentiating;
    private long _last = Stopwatch.GetTimestamp();

    /// <inheritdoc/>
    public override void Record(Op op, ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        if (_isDifferentiating)
            return;
        Add(op, inputs, 1, Stopwatch.GetElapsedTime(_last).TotalSeconds, 0);
        _ops.Add((op, inputs.ToArray(), outputs.ToArray()));
        _last = Stopwatch.GetTimestamp();
    }

    /// <summary>Starts the first op's clock.</summary>
    public void BeginPass() => _last = Stopwatch.GetTimestamp();

    /// <summary>Times the gradients of what was recorded, to all inputs; call it within the scope that holds the pass's tensors.</summary>
    public void Differentiate()
    {
        _isDifferentiating = true;
        for (var i = _ops.Count - 1; i >= 0; i--)
        {
            using var scope = new TensorScope();
            var (op, inputs, outputs) = _ops[i];
            Tensor?[] gradients = [outputs[0].Shape.Rank == 0 ? Tensor.Full([], 1) : Tensor.Full(outputs[0].Shape, 0.01f),
                .. new Tensor?[outputs.Length - 1]];
            var start = Stopwatch.GetTimestamp();
            op.Backward(inputs, outputs, gradients);
            Add(op, inputs, 0, 0, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        foreach (var (name, now) in _times)
        {
            var best = _fastest.GetValueOrDefault(name, now);
            _fastest[name] = (now.Count, Math.Min(best.Forward, now.Forward), Math.Min(best.Backward, now.Backward));
        }
        _ops.Clear();
        _times.Clear();
        _isDifferentiating = false;
    }

    /// <summary>Milliseconds of a pass by op and shape, in the pass where they were fastest.</summary>
    public IEnumerable<(string Op, int Count, double Forward, double Backward)> Milliseconds() => _fastest
        .OrderByDescending(pair => pair.Value.Forward + pair.Value.Backward)
        .Select(pair => (pair.Key, pair.Value.Count, pair.Value.Forward * 1e3, pair.Value.Backward * 1e3));

    private void Add(Op op, ReadOnlySpan<Tensor> inputs, int count, double forward, double backward)
    {
        var name = $"{op.Name} {inputs[0].Shape}" + (op is Conv2d conv ? $" to {inputs[1].Shape[0]}, stride {conv.Stride}" : "");
        var (sum, f, b) = _times.GetValueOrDefault(name);
        _times[name] = (sum + count, f + forward, b + backward);
    }
}
