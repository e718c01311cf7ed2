using Coppice.Tensors;

namespace Coppice.Graphs;

/// <summary>How far two computations of one thing are apart.</summary>
internal static class RelativeDifference
{
    /// <summary>Largest absolute difference of two F32 tensors of one shape, relative to the largest expected value; NaN where one alone is
    /// NaN. Null where none of the expected entries is finite: that is no evidence.</summary>
    public static double? Between(Tensor expected, Tensor actual)
    {
        var (left, right) = (expected.ToArray<float>(), actual.ToArray<float>());
        if (left.Length > 0 && !Array.Exists(left, float.IsFinite))
            return null;
        var (largest, scale) = (0.0, 1e-6);
        for (var i = 0; i < left.Length; i++)
        {
            if (float.IsNaN(left[i]) != float.IsNaN(right[i]))
                return double.NaN;
            if (!float.IsFinite(left[i]) && left[i].Equals(right[i]))
                continue;
            largest = Math.Max(largest, Math.Abs((double)left[i] - right[i]));
            scale = Math.Max(scale, Math.Abs((double)left[i]));
        }
        return largest / scale;
    }
}
