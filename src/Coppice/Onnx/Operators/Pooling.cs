using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>One value for each window of an image.</summary>
internal static class Pooling
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["MaxPool"] = call => call.Node.Outputs.Count > 1
            ? call.InSingle(typed => MaxPoolWithPlaces(typed, typed[0]))
            : [InSingle(x => MaxPool(call, x), Floats(call))],
        ["MaxUnpool"] = call => call.InSingle(typed => [MaxUnpool(typed)]),
        ["AveragePool"] = call => [InSingle(x => Average(call, x), call[0])],
        ["LpPool"] = call => [InSingle(x => LpPool(call, x), call[0])],
        ["GlobalAveragePool"] = call => [InSingle(x => Global(x, Reduction.Mean), call[0])],
        ["GlobalMaxPool"] = call => [InSingle(x => Global(x, Reduction.Max), call[0])],
    };

    private static Tensor Floats(OperatorCall call) => call[0].DType.IsFloatingPoint() ? call[0] : call[0].Cast(DType.F32);

    private static Tensor Global(Tensor x, Reduction kind) => x.Shape.Rank == 4 && kind == Reduction.Mean
        ? x.AdaptiveAvgPool2d()
        : x.Reduce(kind, [.. Enumerable.Range(2, x.Shape.Rank - 2)]);

    private static Tensor MaxPool(OperatorCall call, Tensor x)
    {
        var window = Window(call, x, out var extra);
        var y = Max(window, window.EvenPadding, extra, x);
        return call[0].DType.IsFloatingPoint() ? y : y.Cast(call[0].DType);
    }

    /// <summary>The largest of each window, and where in the whole tensor it is.</summary>
    private static Tensor?[] MaxPoolWithPlaces(OperatorCall call, Tensor x)
    {
        const int wholeInSingle = 1 << 24;
        var window = Window(call, x, out var extra);
        var (sizes, planes) = (x.Shape.Dims[2..].ToArray(), x.Shape[0] * x.Shape[1]);
        var size = sizes.Aggregate(1, (product, axis) => checked(product * axis));
        if (size > wholeInSingle)
            throw new NotSupportedException($"indices into an image of {size} pixels are not supported");
        var columns = Columns(x, float.NegativeInfinity);                                  // [B, C, windows, places]
        int[] backwards = [0, 1, .. Enumerable.Range(2, window.Rank).Reverse()];
        var numbers = Tensor.Arange(0, size).Cast(DType.F32);
        var image = call.Flag("storage_order")
            ? numbers.Reshape([1, 1, .. sizes.Reverse()]).Permute(backwards)
            : numbers.Reshape([1, 1, .. sizes]);
        var places = Columns(image, -1).Cast(DType.I64).Expand(columns.Shape);
        var best = Apply(new GatherElements(3), places, columns.ArgMax().Unsqueeze(3)).Squeeze(3);
        var offsets = Tensor.Arange(0, planes).Multiply(Tensor.From<long>([size], [])).Reshape(x.Shape[0], x.Shape[1], 1);
        var counts = Enumerable.Range(0, window.Rank)
            .Select(axis => (sizes[axis] + window.Before[axis] + window.After[axis] + extra[axis] - window.Span(axis)) / window.Stride[axis] + 1);
        int[] shape = [x.Shape[0], x.Shape[1], .. counts];
        return [columns.Reduce(Reduction.Max, 3).Reshape(shape), best.Add(offsets).Reshape(shape)];

        Tensor Columns(Tensor pixels, float outside) => Apply(new Unfold(IntList.Create(window.Kernel), IntList.Create(window.Stride),
            IntList.Create(window.Dilation), IntList.Create(window.Before), IntList.Create(Sum(window.After, extra)), outside), pixels)
            .Transpose(2, 3);
    }

    /// <summary>Values put back where MaxPool took them from, into zeros.</summary>
    private static Tensor MaxUnpool(OperatorCall call)
    {
        var (x, places) = (call[0], call[1]);
        var kernel = call.Ints("kernel_shape") ?? throw new NotSupportedException("kernel_shape is missing");
        var window = WindowAttributes.Read(call, x.Shape.Dims[2..], kernel);
        int[] sizes = [x.Shape[0], x.Shape[1], .. Enumerable.Range(0, window.Rank)
            .Select(axis => (x.Shape[axis + 2] - 1) * window.Stride[axis] + kernel[axis] - window.Before[axis] - window.After[axis])];
        call.Made(Shape.Create(sizes));
        var zeros = Constant(0).Expand([sizes.Aggregate(1, (product, axis) => checked(product * axis))]).Contiguous();
        var y = Apply(new ScatterElements(0, ScatterKind.Assign), zeros, places.Reshape(-1), x.Reshape(-1)).Reshape(sizes);
        if (call.Optional(2) is null)
            return y;
        var wanted = call.Values(2);
        for (var axis = 2; axis < sizes.Length; axis++)
            y = y.Pad(axis, 0, call.Made(y.Shape.With(axis, Math.Max(sizes[axis], ToInt(wanted[axis]))))[axis] - sizes[axis]);
        return y;
    }

    private static Tensor Max(WindowAttributes window, int? even, int[] extra, Tensor x)
    {
        if (even is { } padding && padding <= window.Kernel[0] / 2 && IsPlain(window) && extra.Sum() == 0)
            return x.MaxPool2d(window.Kernel[0], window.Stride[0], padding);
        var padded = WindowAttributes.Padded(x, window.Before, Sum(window.After, extra), float.NegativeInfinity);
        return IsPlain(window) ? padded.MaxPool2d(window.Kernel[0], window.Stride[0]) : ByColumns(window, padded, Reduction.Max);
    }

    private static Tensor Average(OperatorCall call, Tensor x)
    {
        var window = Window(call, x, out var extra);
        var countPadding = call.Flag("count_include_pad");
        if (window.EvenPadding is { } padding && padding <= window.Kernel[0] / 2 && IsPlain(window) && extra.Sum() == 0
            && (padding == 0 || countPadding))
            return x.AvgPool2d(window.Kernel[0], window.Stride[0], padding);
        var sums = Mean(window, WindowAttributes.Padded(window.Padded(x), new int[window.Rank], extra));
        if (extra.Sum() == 0 && (countPadding || window.Before.Sum() + window.After.Sum() == 0))
            return sums;
        // Means of ones are the parts of the windows that count.
        var ones = Tensor.Full([1, 1, .. x.Shape.Dims[2..]], 1);
        var counts = WindowAttributes.Padded(window.Padded(ones, countPadding ? 1 : 0), new int[window.Rank], extra);
        return sums.Divide(Mean(window, counts));
    }

    private static Tensor LpPool(OperatorCall call, Tensor x)
    {
        var window = Window(call, x, out var extra);
        var p = call.Int("p", 2);
        var powers = Apply(new Abs(), x).Power(Constant(p));
        var means = Mean(window, WindowAttributes.Padded(window.Padded(powers), new int[window.Rank], extra));
        return means.Multiply(Constant(window.Kernel.Aggregate(1, (a, b) => a * b))).Power(Constant(1f / p));
    }

    private static bool IsPlain(WindowAttributes window) => window.IsSquare && window.Dilation[0] == 1;

    private static Tensor Mean(WindowAttributes window, Tensor padded) => IsPlain(window)
        ? padded.AvgPool2d(window.Kernel[0], window.Stride[0])
        : ByColumns(window, padded, Reduction.Mean);

    private static Tensor ByColumns(WindowAttributes window, Tensor padded, Reduction kind)
    {
        var none = IntList.Create(new int[window.Rank]);
        var columns = Apply(new Unfold(IntList.Create(window.Kernel), IntList.Create(window.Stride), IntList.Create(window.Dilation),
            none, none), padded);
        var sizes = Enumerable.Range(0, window.Rank).Select(axis => (padded.Shape[axis + 2] - window.Span(axis)) / window.Stride[axis] + 1);
        return columns.Reduce(kind, 2).Reshape([padded.Shape[0], padded.Shape[1], .. sizes]);
    }

    /// <summary>The node's windows, and what rounding their number up adds behind each axis.</summary>
    private static WindowAttributes Window(OperatorCall call, Tensor x, out int[] extra)
    {
        var kernel = call.Ints("kernel_shape") ?? throw new NotSupportedException("kernel_shape is missing");
        var window = WindowAttributes.Read(call, x.Shape.Dims[2..], kernel);
        extra = new int[window.Rank];
        if (!call.Flag("ceil_mode"))
            return window;
        for (var axis = 0; axis < window.Rank; axis++)
        {
            var (stride, padded) = (window.Stride[axis], x.Shape[axis + 2] + window.Before[axis] + window.After[axis]);
            var windows = (padded - window.Span(axis) + stride - 1) / stride + 1;
            if ((windows - 1) * stride >= x.Shape[axis + 2] + window.Before[axis])
                windows--; // no window begins behind the image
            extra[axis] = Math.Max(0, (windows - 1) * stride + window.Span(axis) - padded);
        }
        return window;
    }

    private static int[] Sum(int[] a, int[] b) => [.. a.Zip(b, (left, right) => left + right)];
}
