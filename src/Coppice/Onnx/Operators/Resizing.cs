using Coppice.Tensors;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Images of other sizes, axis by axis: each output is a weighted sum of a few inputs along one axis.</summary>
internal static class Resizing
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["Resize"] = call => call.InSingle(typed => [Resize(typed)]),
        ["Upsample"] = call => call.InSingle(typed => [Resize(typed)]),
    };

    private static Tensor Resize(OperatorCall call)
    {
        var x = call[0];
        var isNew = call.Node.OpType == "Resize" && call.Version >= 11;
        var scales = isNew ? Floats(call, 2) : call.Node.Attribute("scales")?.Floats.ToArray() ?? Floats(call, 1);
        var sizes = isNew && call.Optional(3) is { Count: > 0 } ? call.Values(3) : null;
        var axes = call.Ints("axes") is { } given ? given.Select(axis => FromOutermost(axis, x.Shape.Rank)).ToArray()
            : [.. Enumerable.Range(0, x.Shape.Rank)];
        if (scales is null && sizes is null)
            throw new NotSupportedException(isNew ? "its inputs 2 (scales) and 3 (sizes) are both missing" : "scales are missing");
        var roi = isNew ? Floats(call, 1) : null;
        for (var i = 0; i < axes.Length; i++)
        {
            var size = x.Shape[axes[i]];
            var to = sizes is not null ? ToInt(sizes[i]) : (int)Math.Floor(size * scales![i] + 1e-6f);
            var scale = sizes is not null ? (double)to / size : scales![i];
            var region = roi is { Length: > 0 } ? (roi[i], roi[i + axes.Length]) : (0f, 1f);
            if (to is < 0 or > OnnxLimits.ResampledSize)
                throw new NotSupportedException($"axis {axes[i]} would have {to} positions, and 0 to {OnnxLimits.ResampledSize} are possible");
            if (to != size || scale != 1 || region != (0f, 1f))
                x = new AxisResampling(call, isNew, size, call.Made(x.Shape.With(axes[i], to))[axes[i]], scale, region).Apply(x, axes[i]);
        }
        return x;
    }

    private static float[]? Floats(OperatorCall call, int input) =>
        call.Optional(input) is { Count: > 0 } tensor ? tensor.Cast(DType.F32).ToArray<float>() : null;
}
