namespace Coppice.Tensors.Tests;

/// <summary>Random inputs, and comparisons that say where values differ.</summary>
internal static class Numbers
{
    /// <summary>Sizes around the edges of registers.</summary>
    public static int[] EdgeSizes { get; } = [1, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100];

    /// <summary>Values that break careless kernels.</summary>
    public static float[] Special { get; } =
    [
        0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity,
        float.Epsilon, -1e-40f, float.MaxValue, float.MinValue, 1f, -88f,
    ];

    /// <summary>Uniform values in -range..range.</summary>
    public static Tensor Random(Shape shape, int seed = 1, float range = 4)
    {
        var random = new Random(seed);
        var values = new float[shape.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = (random.NextSingle() * 2 - 1) * range;
        return Tensor.From<float>(values, shape);
    }

    /// <summary>Asserts <c>|actual - expected| &lt;= tolerance * max(1, |expected|)</c>.</summary>
    /// <remarks>NaN and infinities equal themselves.</remarks>
    public static void Close(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, double tolerance = 1e-6)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < actual.Length; i++)
        {
            var same = expected[i].Equals((double)actual[i]) || (float)expected[i] == actual[i];
            if (!same && !(Math.Abs(actual[i] - expected[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i]))))
                Assert.Fail($"At {i}: expected {expected[i]:R}, got {actual[i]:R}.");
        }
    }

    /// <inheritdoc cref="Close(ReadOnlySpan{double}, ReadOnlySpan{float}, double)"/>
    public static void Close(Tensor expected, Tensor actual, double tolerance = 1e-6)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        Close(Array.ConvertAll(expected.ToArray<float>(), x => (double)x), actual.ToArray<float>(), tolerance);
    }
}
