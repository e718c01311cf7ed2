using Coppice.Tensors;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Entries added at the ends of axes.</summary>
internal static class Padding
{
    public static Tensor Apply(OperatorCall call)
    {
        var x = call[0];
        var pads = call.Ints("pads") ?? call.Ints("paddings") ?? [.. call.Values(1).Select(ToInt)];
        var value = call.Version < 11 ? call.Float("value", 0) : call.Optional(2) is { Count: > 0 } ? call.Scalar(2) : 0;
        var axes = call.Optional(3) is null ? [.. Enumerable.Range(0, x.Shape.Rank)]
            : call.Values(3).Select(axis => FromOutermost(axis, x.Shape.Rank)).ToArray();
        var mode = call.Text("mode", "constant");
        for (var i = 0; i < axes.Length; i++)
            x = OneAxis(call, x, axes[i], pads[i], pads[i + axes.Length], mode, value);
        return x;
    }

    private static Tensor OneAxis(OperatorCall call, Tensor x, int axis, int before, int after, string mode, float value)
    {
        if (before < 0 || after < 0)
        {
            var start = Math.Max(0, -before);
            x = x.Narrow(axis, start, x.Shape[axis] - start - Math.Max(0, -after));
            (before, after) = (Math.Max(0, before), Math.Max(0, after));
        }
        if (before == 0 && after == 0)
            return x;
        var padded = call.Made(x.Shape.With(axis, checked(x.Shape[axis] + before + after)));
        if (mode == "constant")
            return AsNumbers(x, y => y.Pad(axis, before, after, value));
        var size = x.Shape[axis];
        return x.Gather(Numbers(padded[axis], i => Source(i - before, size, mode)), axis);
    }

    /// <summary>Bool has no arithmetic, so it is padded as bytes.</summary>
    private static Tensor AsNumbers(Tensor x, Func<Tensor, Tensor> pad) =>
        x.DType == DType.Bool ? pad(x.Cast(DType.U8)).Cast(DType.Bool) : pad(x);

    private static int Source(int at, int size, string mode)
    {
        switch (mode)
        {
            case "edge": return Math.Clamp(at, 0, size - 1);
            case "wrap": return (at % size + size) % size;
            case "reflect":
                if (size == 1)
                    return 0;
                var period = 2 * (size - 1);
                at = (at % period + period) % period;
                return at < size ? at : period - at;
            default: throw new NotSupportedException($"mode {mode} is not supported");
        }
    }
}
