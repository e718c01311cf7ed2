using System.Diagnostics;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;
using Coppice.Tensors.Tracing;

namespace Coppice.Bench;

/// <summary>Where the time of a training step goes, by op and shapes: forward as a trace sees it, backward between gradient hooks.</summary>
internal sealed class TrainingProfile : TraceScope
{
    private readonly List<(string Name, Tensor Output)> _recorded = [];
    private readonly Dictionary<(string Op, bool Backward), (int Calls, double Seconds)> _times = [];
    private (string Op, bool Backward)? _running;
    private long _since;
    private int _steps;

    public override void Record(Op op, ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        if (Tape.Current is null)
            return;
        var name = $"{op.Name} {string.Join(' ', inputs.ToArray().Select(input => input.Shape.ToString()))}";
        _running = (name, false);
        Add();
        _recorded.Add((name, outputs[0]));
    }

    /// <summary>One step, timed.</summary>
    public void Measure(TrainingWork work)
    {
        _since = Stopwatch.GetTimestamp();
        work.Step(Hook, () =>
        {
            Add();
            (_running, _steps) = (null, _steps + 1);
            _recorded.Clear();
        });
    }

    public void Write(Report report)
    {
        report.Header("op", "", "calls a step", "ms a step", "share");
        var total = _times.Values.Sum(time => time.Seconds);
        foreach (var ((op, backward), (calls, seconds)) in _times.OrderByDescending(time => time.Value.Seconds).Take(24))
            report.Row(op, backward ? "backward" : "forward", $"{calls / _steps}", $"{seconds / _steps * 1e3:f2}", $"{seconds / total:P1}");
        report.Row("all", "", "", $"{total / _steps * 1e3:f1}", "");
    }

    private void Hook(Tape tape)
    {
        _running = null;
        foreach (var (name, output) in _recorded)
            if (tape.Tracks(output))
                tape.OnGradient(output, _ =>
                {
                    Add();
                    _running = (name, true);
                    return null;
                });
        _since = Stopwatch.GetTimestamp();
    }

    // Counts the op that ran until now.
    private void Add()
    {
        var now = Stopwatch.GetTimestamp();
        if (_running is { } running)
        {
            var (calls, seconds) = _times.GetValueOrDefault(running);
            _times[running] = (calls + 1, seconds + Stopwatch.GetElapsedTime(_since, now).TotalSeconds);
        }
        _since = Stopwatch.GetTimestamp();
    }
}
