using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Windows and Fourier transforms of signals.</summary>
internal static class Signals
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["HannWindow"] = call => [Window(call, 0.5, 0.5, 0)],
        ["HammingWindow"] = call => [Window(call, 25.0 / 46, 21.0 / 46, 0)],
        ["BlackmanWindow"] = call => [Window(call, 0.42, 0.5, 0.08)],
        ["DFT"] = call => call.InSingle(typed => [Transform(typed)]),
        ["STFT"] = call => call.InSingle(typed => [ShortTimeTransform(typed)]),
    };

    /// <summary><c>a - b cos(t) + c cos(2t)</c>, t going once around.</summary>
    private static Tensor Window(OperatorCall call, double a, double b, double c)
    {
        var size = ToInt(call.Value(0));
        if (size is < 0 or > (int)OnnxLimits.MadeElements)
            throw new NotSupportedException($"a window of {size} is not supported");
        var step = 2 * Math.PI / Math.Max(1, call.Flag("periodic", true) ? size : size - 1);
        var window = Tensor.Empty([size]);
        var values = window.AsSpan<float>();
        for (var i = 0; i < size; i++)
            values[i] = (float)(a - b * Math.Cos(step * i) + c * Math.Cos(2 * step * i));
        return window.Cast(call.TypeOf("output_datatype", TensorDataType.Float));
    }

    /// <summary>x [.., N, .., 1 or 2], real or complex -> [.., frequencies, .., 2].</summary>
    private static Tensor Transform(OperatorCall call)
    {
        var x = call[0];
        var axis = FromOutermost(call.Version < 20 ? call.Int("axis", 1) : call.Optional(2) is null ? -2 : call.Value(2), x.Shape.Rank);
        var length = call.Optional(1) is null ? x.Shape[axis] : ToInt(call.Value(1));
        x = call.Made(x.Shape.With(axis, length))[axis] <= x.Shape[axis] ? x.Narrow(axis, 0, length) : x.Pad(axis, 0, length - x.Shape[axis]);
        int[] order = [.. Enumerable.Range(0, x.Shape.Rank - 1).Where(other => other != axis), axis, x.Shape.Rank - 1];
        var y = Transform(x.Permute(order), call.Flag("inverse"), call.Flag("onesided"));
        var back = new int[order.Length];
        for (var i = 0; i < order.Length; i++)
            back[order[i]] = i;
        return y.Permute(back);
    }

    /// <summary>[..., N, 1 or 2] -> [..., frequencies, 2], as products with matrices of cosines and sines.</summary>
    private static Tensor Transform(Tensor x, bool inverse, bool onesided)
    {
        var size = x.Shape[^2];
        var frequencies = onesided ? size / 2 + 1 : size;
        if (size == 0 || (long)size * frequencies > OnnxLimits.MadeElements)
            throw new NotSupportedException($"a transform of {size} samples is not supported");
        var (cosines, sines) = Waves(size, frequencies, inverse);
        int[] rows = [.. x.Shape.Dims[..^2], 1, size], shape = [.. x.Shape.Dims[..^2], frequencies, 1];
        var real = x.Narrow(x.Shape.Rank - 1, 0, 1).Reshape(rows);
        var (re, im) = (real.MatMul(cosines), real.MatMul(sines));
        if (x.Shape[^1] == 2)
        {
            var imaginary = x.Narrow(x.Shape.Rank - 1, 1, 1).Reshape(rows);
            (re, im) = (re.Subtract(imaginary.MatMul(sines)), im.Add(imaginary.MatMul(cosines)));
        }
        return Tensor.Concat(shape.Length - 1, re.Reshape(shape), im.Reshape(shape));
    }

    /// <summary>Real and imaginary parts of <c>e^(-2 pi i n k / N)</c>; of its conjugate divided by N for the way back.</summary>
    private static (Tensor Cosines, Tensor Sines) Waves(int size, int frequencies, bool inverse)
    {
        var (real, imaginary) = (Tensor.Empty([size, frequencies]), Tensor.Empty([size, frequencies]));
        var cosines = real.AsSpan<float>();
        var sines = imaginary.AsSpan<float>();
        var scale = inverse ? 1.0 / size : 1;
        for (var n = 0; n < size; n++)
            for (var k = 0; k < frequencies; k++)
            {
                var (sine, cosine) = Math.SinCos((inverse ? 2 : -2) * Math.PI * ((long)n * k % size) / size);
                (cosines[n * frequencies + k], sines[n * frequencies + k]) = ((float)(scale * cosine), (float)(scale * sine));
            }
        return (real, imaginary);
    }

    /// <summary>Signal [B, L, 1 or 2] -> [B, frames, frequencies, 2].</summary>
    private static Tensor ShortTimeTransform(OperatorCall call)
    {
        var (signal, step, window) = (call[0], ToInt(call.Value(1)), call.Optional(2));
        var length = call.Optional(3) is null ? window?.Shape[0] ?? throw new NotSupportedException("neither window nor frame_length is there")
            : ToInt(call.Value(3));
        IntList none = [0];
        var frames = Apply(new Unfold([length], [step], [1], none, none), signal.Transpose(1, 2)).Permute(0, 3, 2, 1);
        if (window is not null)
            frames = frames.Multiply(window.Reshape(-1, 1));   // [B, frames, N, 1 or 2]
        return Transform(frames, false, call.Flag("onesided", true));
    }
}
