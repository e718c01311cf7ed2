namespace Coppice.Tensors.Kernels.Reference;

/// <summary>Convolution and its gradients as they are defined, in double precision: the oracle of the convolution kernels.</summary>
internal static class ConvReference
{
    /// <summary>y[b, o, y, x] = bias[o] + the sum over c, i, j of weight[o, c, i, j] x[b, c', y s + i d - p, x s + j d - p].</summary>
    public static double[] Forward(ConvShape shape, float[] x, float[] weight, float[]? bias)
    {
        var y = new double[(long)shape.Batch * shape.Outputs * shape.Pixels];
        for (var i = 0; bias is not null && i < y.Length; i++)
            y[i] = bias[i / shape.Pixels % shape.Outputs];
        ForEach(shape, (input, tap, output) => y[output] += (double)x[input] * weight[tap]);
        return y;
    }

    /// <summary>Gradient to x.</summary>
    public static double[] InputGradient(ConvShape shape, float[] weight, float[] dy)
    {
        var dx = new double[(long)shape.Batch * shape.Channels * shape.Height * shape.Width];
        ForEach(shape, (input, tap, output) => dx[input] += (double)dy[output] * weight[tap]);
        return dx;
    }

    /// <summary>Gradient to the weight.</summary>
    public static double[] WeightGradient(ConvShape shape, float[] x, float[] dy)
    {
        var dw = new double[shape.Outputs * shape.Depth];
        ForEach(shape, (input, tap, output) => dw[tap] += (double)dy[output] * x[input]);
        return dw;
    }

    /// <summary>Calls <paramref name="pair"/> with each product's place in x, in the weight and in y.</summary>
    private static void ForEach(ConvShape shape, Action<int, int, int> pair)
    {
        for (var output = 0; output < shape.Batch * shape.Outputs * shape.Pixels; output++)
        {
            var (pixel, o, b) = (output % shape.Pixels, output / shape.Pixels % shape.Outputs, output / shape.Pixels / shape.Outputs);
            for (var tap = 0; tap < shape.Depth; tap++)
            {
                var (j, i, c) = (tap % shape.KernelWidth, tap / shape.KernelWidth % shape.KernelHeight,
                    tap / shape.KernelWidth / shape.KernelHeight);
                var row = pixel / shape.OutWidth * shape.Stride + i * shape.Dilation - shape.Padding;
                var column = pixel % shape.OutWidth * shape.Stride + j * shape.Dilation - shape.Padding;
                var channel = o / shape.GroupOutputs * shape.GroupChannels + c;
                if ((uint)row < (uint)shape.Height && (uint)column < (uint)shape.Width)
                    pair(((b * shape.Channels + channel) * shape.Height + row) * shape.Width + column, o * shape.Depth + tap, output);
            }
        }
    }
}
