using Coppice.Tensors;

namespace Coppice.Evaluation;

/// <summary>How far an output of a model after a change is from that before.</summary>
/// <param name="Name">The output.</param>
/// <param name="LargestValue">The largest magnitude before.</param>
/// <param name="LargestDifference">The largest |after - before|.</param>
/// <param name="Cosine">Of the angle between both as vectors, 1 where they point the same way; 1 where both are zero, 0 where one is.</param>
public sealed record OutputDifference(string Name, double LargestValue, double LargestDifference, double Cosine)
{
    /// <summary>Compares two tensors of any one shape; whole numbers and truth values count as numbers.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static OutputDifference Of(string name, Tensor before, Tensor after)
    {
        if (before.Shape != after.Shape)
            throw new ArgumentException($"Output '{name}' is {before} before and {after} after; compare models with equal outputs.", nameof(after));
        var (a, b) = (before.Cast(DType.F32).ToArray<float>(), after.Cast(DType.F32).ToArray<float>());
        double largest = 0, difference = 0, dot = 0, squareA = 0, squareB = 0;
        for (var i = 0; i < a.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs((double)a[i]));
            difference = Math.Max(difference, Math.Abs((double)a[i] - b[i]));
            dot += (double)a[i] * b[i];
            squareA += (double)a[i] * a[i];
            squareB += (double)b[i] * b[i];
        }
        var length = Math.Sqrt(squareA) * Math.Sqrt(squareB);
        return new(name, largest, difference, length > 0 ? dot / length : squareA == squareB ? 1 : 0);
    }
}
