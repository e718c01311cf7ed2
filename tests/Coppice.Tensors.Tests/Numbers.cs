namespace Coppice.Tensors.Tests;

/// <summary>Random inputs, and comparisons that say where values differ.</summary>
internal static partial class Numbers
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
}
