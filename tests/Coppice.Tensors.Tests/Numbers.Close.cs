namespace Coppice.Tensors.Tests;

internal static partial class Numbers
{
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
