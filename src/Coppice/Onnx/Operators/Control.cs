using Coppice.Tensors;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Subgraphs that run or do not, or several times.</summary>
internal static class Control
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["If"] = call => call.Run(call[0].ToArray<bool>()[0] ? "then_branch" : "else_branch"),
        ["Loop"] = Loop,
        ["Scan"] = Scan,
    };

    private static Tensor?[] Loop(OperatorCall call)
    {
        var trips = call.Optional(0) is null ? long.MaxValue : call.Value(0);
        var goOn = call.Optional(1)?.ToArray<bool>()[0] ?? true;
        var state = Enumerable.Range(2, Math.Max(0, call.Count - 2)).Select(call.Optional).ToArray();
        var scans = Enumerable.Range(0, call.Node.Outputs.Count - state.Length).Select(_ => new List<Tensor>()).ToArray();
        for (var trip = 0L; trip < trips && goOn; trip++)
        {
            var outputs = call.Run("body", [Tensor.From<long>([trip], []), Tensor.From<bool>([goOn], []), .. state]);
            goOn = outputs[0]!.ToArray<bool>()[0];
            state = outputs[1..(1 + state.Length)];
            for (var i = 0; i < scans.Length; i++)
                scans[i].Add(outputs[1 + state.Length + i]!.Unsqueeze(0));
        }
        return [.. state, .. scans.Select(parts => parts.Count > 0 ? Tensor.Concat(0, [.. parts])
            : throw new NotSupportedException("a loop of no turns has a scan output, whose shape is not known"))];
    }

    private static Tensor?[] Scan(OperatorCall call)
    {
        if (call.Version < 9)
            throw new NotSupportedException("Scan of version 8 is not supported");
        var count = ToInt(call.Int("num_scan_inputs", 1));
        var states = Enumerable.Range(0, call.Count - count).Select(call.Optional).ToArray();
        var inputs = Enumerable.Range(states.Length, count).Select(i => call[i]).ToArray();
        var axes = call.Ints("scan_input_axes") ?? new int[count];
        var (backwards, outAxes) = (call.Ints("scan_input_directions") ?? new int[count], call.Ints("scan_output_axes"));
        var outBackwards = call.Ints("scan_output_directions");
        var scans = Enumerable.Range(0, call.Node.Outputs.Count - states.Length).Select(_ => new List<Tensor>()).ToArray();
        var places = inputs.Select((input, i) => FromOutermost(axes[i], input.Shape.Rank)).ToArray();
        var length = inputs[0].Shape[places[0]];
        for (var t = 0; t < length; t++)
        {
            var step = inputs.Select((input, i) => input.Narrow(places[i], backwards[i] == 0 ? t : length - 1 - t, 1).Squeeze(places[i]));
            var outputs = call.Run("body", [.. states, .. step]);
            states = outputs[..states.Length];
            for (var i = 0; i < scans.Length; i++)
                scans[i].Insert(outBackwards?[i] == 1 ? 0 : scans[i].Count, outputs[states.Length + i]!);
        }
        return [.. states, .. scans.Select((parts, i) => Stack(parts, outAxes?[i] ?? 0))];

        static Tensor Stack(List<Tensor> parts, int axis)
        {
            var at = FromOutermost(axis, parts[0].Shape.Rank + 1);
            return Tensor.Concat(at, [.. parts.Select(part => part.Unsqueeze(at))]);
        }
    }
}
