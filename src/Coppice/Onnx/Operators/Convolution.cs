using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Convolutions of images with any number of axes.</summary>
internal static class Convolution
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["Conv"] = call => call.InSingle(typed => [Forward(typed, typed[0], typed[1], typed.Optional(2))]),
        ["ConvTranspose"] = call => call.InSingle(typed => [Transposed(typed)]),
        ["ConvInteger"] = call => [Forward(call, Centered(call[0], call.Optional(2)), Centered(call[1], call.Optional(3)), null).Cast(DType.I32)],
    };

    /// <summary>x [B, C, sizes...], weight [O, C/groups, kernel...], bias [O] or null -> [B, O, windows...].</summary>
    public static Tensor Forward(OperatorCall call, Tensor x, Tensor weight, Tensor? bias)
    {
        var window = WindowAttributes.Read(call, x.Shape.Dims[2..], weight.Shape.Dims[2..].ToArray());
        var groups = ToInt(call.Int("group", 1));
        if (window.Rank == 1 && window.HasEvenSteps)
            return Forward(x.Unsqueeze(2), weight.Unsqueeze(2), bias, window.WithLeadingAxis(), groups).Squeeze(2);
        return Forward(x, weight, bias, window, groups);
    }

    private static Tensor Forward(Tensor x, Tensor weight, Tensor? bias, WindowAttributes window, int groups)
    {
        if (window.Rank != 2 || !window.HasEvenSteps)
            return ByColumns(x, weight, bias, window, groups);
        var even = window.EvenPadding;
        return (even is null ? window.Padded(x) : x).Conv2d(weight, bias, window.Stride[0], even ?? 0, window.Dilation[0], groups);
    }

    /// <summary>Any windows: laid side by side, and multiplied by the weight as a matrix.</summary>
    private static Tensor ByColumns(Tensor x, Tensor weight, Tensor? bias, WindowAttributes window, int groups)
    {
        var columns = Apply(new Unfold(IntList.Create(window.Kernel), IntList.Create(window.Stride), IntList.Create(window.Dilation),
            IntList.Create(window.Before), IntList.Create(window.After)), x);         // [B, C, K, L]
        var (batch, outputs, inner) = (x.Shape[0], weight.Shape[0], columns.Shape[1] / groups * columns.Shape[2]);
        var product = weight.Reshape(groups, outputs / groups, inner).MatMul(columns.Reshape(batch, groups, inner, columns.Shape[3]));
        var y = product.Reshape([batch, outputs, .. OutputSizes(x, window)]);         // [B, O, windows...]
        return bias is null ? y : y.Add(bias.Reshape([outputs, .. WindowAttributes.Ones(window.Rank)]));
    }

    private static IEnumerable<int> OutputSizes(Tensor x, WindowAttributes window) => Enumerable.Range(0, window.Rank)
        .Select(axis => (x.Shape[axis + 2] + window.Before[axis] + window.After[axis] - window.Span(axis)) / window.Stride[axis] + 1);

    /// <summary>x [B, C, sizes...], weight [C, O/groups, kernel...]: the gradient of a convolution to its input.</summary>
    private static Tensor Transposed(OperatorCall call)
    {
        var (x, weight, bias) = (call[0], call[1], call.Optional(2));
        var groups = ToInt(call.Int("group", 1));
        var window = WindowAttributes.Read(call, x.Shape.Dims[2..], weight.Shape.Dims[2..].ToArray());
        var sizes = TransposedSizes(call, x, ref window);
        var (batch, channels, outputs) = (x.Shape[0], x.Shape[1], weight.Shape[1] * groups);
        call.Made([batch, outputs, .. sizes]);
        var places = window.Kernel.Aggregate(1, (product, size) => product * size);
        var matrix = weight.Reshape(groups, channels / groups, outputs / groups * places).Transpose(1, 2);
        var pixels = x.Shape.Skip(2).Aggregate(1, (product, size) => product * size);
        var columns = matrix.MatMul(x.Reshape(batch, groups, channels / groups, pixels)).Reshape(batch, outputs, places, pixels);
        var y = Apply(new Fold(IntList.Create(sizes), IntList.Create(window.Kernel), IntList.Create(window.Stride),
            IntList.Create(window.Dilation), IntList.Create(window.Before), IntList.Create(window.After)), columns);
        return bias is null ? y : y.Add(bias.Reshape([outputs, .. WindowAttributes.Ones(window.Rank)]));
    }

    private static int[] TransposedSizes(OperatorCall call, Tensor x, ref WindowAttributes window)
    {
        var extra = call.Ints("output_padding") ?? new int[window.Rank];
        var sizes = call.Ints("output_shape");
        if (sizes is not null)
            sizes = sizes[^window.Rank..];
        var (given, same) = (sizes is not null, call.Text("auto_pad", "NOTSET"));
        sizes ??= new int[window.Rank];
        var (before, after) = ((int[])window.Before.Clone(), (int[])window.After.Clone());
        for (var axis = 0; axis < window.Rank; axis++)
        {
            var full = window.Stride[axis] * (x.Shape[axis + 2] - 1) + window.Span(axis) + extra[axis];
            if (!given && same is not ("SAME_UPPER" or "SAME_LOWER"))
            {
                sizes[axis] = full - before[axis] - after[axis];
                continue;
            }
            if (!given)
                sizes[axis] = x.Shape[axis + 2] * window.Stride[axis];
            var total = Math.Max(0, full - sizes[axis]);
            before[axis] = same == "SAME_UPPER" ? total / 2 : total - total / 2;
            after[axis] = total - before[axis];
        }
        window = window with { Before = before, After = after };
        return sizes;
    }

    private static Tensor Centered(Tensor x, Tensor? zero) =>
        zero is null ? x.Cast(DType.F32) : x.Cast(DType.F32).Subtract(zero.Cast(DType.F32).Reshape([]));
}
