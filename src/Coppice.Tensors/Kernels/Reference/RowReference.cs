namespace Coppice.Tensors.Kernels.Reference;

/// <summary>Functions of one row, as defined, in double.</summary>
internal static class RowReference
{
    /// <summary><c>sum over i of x[i]</c>.</summary>
    public static double Sum(ReadOnlySpan<float> x)
    {
        var sum = 0.0;
        foreach (var value in x)
            sum += value;
        return sum;
    }

    /// <summary><c>sum / count</c>.</summary>
    public static double Mean(ReadOnlySpan<float> x) => Sum(x) / x.Length;

    /// <summary>The first NaN, else the first of the largest.</summary>
    public static int ArgMax(ReadOnlySpan<float> x)
    {
        var best = 0;
        for (var i = 0; i < x.Length && !float.IsNaN(x[best]); i++)
            if (x[i] > x[best] || float.IsNaN(x[i]))
                best = i;
        return best;
    }

    /// <summary><c>y[i] = e^(x[i] - m) / sum over j of e^(x[j] - m)</c>, m the largest x.</summary>
    public static double[] Softmax(ReadOnlySpan<float> x)
    {
        var y = new double[x.Length];
        var (max, sum) = (x.IsEmpty ? 0 : (double)x[ArgMax(x)], 0.0);
        for (var i = 0; i < y.Length; i++)
            sum += y[i] = Math.Exp(x[i] - max);
        for (var i = 0; i < y.Length; i++)
            y[i] /= sum;
        return y;
    }

    /// <summary><c>y[i] = x[i] - m - ln(sum over j of e^(x[j] - m))</c>, m the largest x.</summary>
    public static double[] LogSoftmax(ReadOnlySpan<float> x)
    {
        var y = new double[x.Length];
        var (max, sum) = (x.IsEmpty ? 0 : (double)x[ArgMax(x)], 0.0);
        foreach (var value in x)
            sum += Math.Exp(value - max);
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] - max - Math.Log(sum);
        return y;
    }

    /// <summary><c>y = x / max(|x|, 1e-12)</c>.</summary>
    public static double[] L2Normalize(ReadOnlySpan<float> x)
    {
        var squares = 0.0;
        foreach (var value in x)
            squares += (double)value * value;
        var y = new double[x.Length];
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] / Math.Max(Math.Sqrt(squares), 1e-12);
        return y;
    }

    /// <summary><c>y = (x - mean) / sqrt(variance + epsilon) * weight + bias</c>, variance the mean of <c>(x - mean)^2</c>.</summary>
    public static double[] LayerNorm(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float epsilon)
    {
        var y = new double[x.Length];
        var (mean, variance) = (Mean(x), 0.0);
        foreach (var value in x)
            variance += (value - mean) * (value - mean) / x.Length;
        for (var i = 0; i < y.Length; i++)
            y[i] = (x[i] - mean) / Math.Sqrt(variance + epsilon) * weight[i] + bias[i];
        return y;
    }
    /// <summary>
    /// Gradients of layer normalisation of one row, n the normalised row and g the gradient to it: <c>(g w - mean(g w) - n mean(g w n)) /
    /// sqrt(variance + epsilon)</c> to x, <c>g n</c> to the weight, g to the bias.
    /// </summary>
    public static (double[] X, double[] Weight) LayerNormGradient(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weight, ReadOnlySpan<float> g, float epsilon)
    {
        var (ones, zeros) = (new float[x.Length], new float[x.Length]);
        Array.Fill(ones, 1);
        var n = LayerNorm(x, ones, zeros, epsilon);
        var (dx, dw) = (new double[x.Length], new double[x.Length]);
        var (mean, slope, variance) = (0.0, 0.0, 0.0);
        for (var i = 0; i < n.Length; i++)
        {
            mean += (double)g[i] * weight[i] / n.Length;
            slope += (double)g[i] * weight[i] * n[i] / n.Length;
            variance += (x[i] - Mean(x)) * (x[i] - Mean(x)) / n.Length;
        }
        for (var i = 0; i < n.Length; i++)
            (dx[i], dw[i]) = (((double)g[i] * weight[i] - mean - n[i] * slope) / Math.Sqrt(variance + epsilon), g[i] * n[i]);
        return (dx, dw);
    }

    /// <summary><c>y = x / sqrt(mean(x^2) + epsilon) * weight</c>.</summary>
    public static double[] RmsNorm(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, float epsilon)
    {
        var y = new double[x.Length];
        var scale = InverseRootMeanSquare(x, epsilon);
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] * scale * weight[i];
        return y;
    }

    /// <summary>Gradients of <see cref="RmsNorm"/> of one row, with g that of y, r the inverse root mean square and n = x r:
    /// <c>r (g w - n mean(g w n))</c> to x, <c>g n</c> to the weight.</summary>
    public static (double[] X, double[] Weight) RmsNormGradient(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weight, ReadOnlySpan<float> g, float epsilon)
    {
        var (dx, dw) = (new double[x.Length], new double[x.Length]);
        var (scale, slope) = (InverseRootMeanSquare(x, epsilon), 0.0);
        for (var i = 0; i < x.Length; i++)
            slope += g[i] * scale * x[i] * weight[i] / x.Length;
        for (var i = 0; i < x.Length; i++)
            (dx[i], dw[i]) = (scale * ((double)g[i] * weight[i] - x[i] * scale * slope), g[i] * scale * x[i]);
        return (dx, dw);
    }

    private static double InverseRootMeanSquare(ReadOnlySpan<float> x, float epsilon)
    {
        var squares = 0.0;
        foreach (var value in x)
            squares += (double)value * value;
        return 1 / Math.Sqrt(squares / x.Length + epsilon);
    }
}
