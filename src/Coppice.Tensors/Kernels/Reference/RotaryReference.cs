namespace Coppice.Tensors.Kernels.Reference;

/// <summary>Rotary position embedding of one row, as defined, in double.</summary>
internal static class RotaryReference
{
    /// <summary>Pair (i, i + D/2) turned by <c>position * frequency[i]</c>, an angle rounded to float.</summary>
    public static double[] Turn(ReadOnlySpan<float> x, long position, ReadOnlySpan<float> frequencies)
    {
        var y = new double[x.Length];
        var half = x.Length / 2;
        for (var i = 0; i < half; i++)
        {
            var (sine, cosine) = Math.SinCos(position * frequencies[i]);
            y[i] = x[i] * cosine - x[i + half] * sine;
            y[i + half] = x[i + half] * cosine + x[i] * sine;
        }
        return y;
    }
}
