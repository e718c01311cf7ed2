using Coppice.Graphs;
using Coppice.Tensors;

namespace Coppice.Pruning.Dependency;

/// <summary>How the outputs of a pruned model compare with those of the original without the removed channels.</summary>
/// <param name="LargestDifference">Largest absolute difference of any output, relative to the largest output.</param>
/// <param name="Normalized">Normalisations that now take their statistics over fewer entries, so that outputs are those of another function
/// than the original with zeros; empty where removing was exact.</param>
public sealed record Verification(double LargestDifference, IReadOnlyList<string> Normalized)
{
    /// <summary>Differences up to this are rounding: sums run in another order.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>Both, by the larger difference.</summary>
    internal Verification And(Verification other) => other.LargestDifference > LargestDifference ? other : this;

    /// <exception cref="VerificationException">They differ by more than rounding.</exception>
    internal static Verification Compare(Graph graph, IReadOnlyList<Tensor> expected, IReadOnlyList<Tensor> actual, IReadOnlyList<string> normalized) =>
        Compare([.. graph.Outputs.Select(output => output.Name)], expected, actual, normalized);

    /// <exception cref="VerificationException">They differ by more than rounding.</exception>
    internal static Verification Compare(
        IReadOnlyList<string> names, IReadOnlyList<Tensor> expected, IReadOnlyList<Tensor> actual, IReadOnlyList<string> normalized)
    {
        var largest = 0.0;
        for (var i = 0; i < expected.Count; i++)
        {
            var name = names[i];
            if (expected[i].Shape != actual[i].Shape)
                throw new VerificationException($"The pruned model gives output '{name}' as {actual[i].Shape}, not {expected[i].Shape}.");
            if (expected[i].DType != DType.F32)
                continue;
            var difference = Difference(expected[i].ToArray<float>(), actual[i].ToArray<float>());
            if (!(difference <= Tolerance))
                throw new VerificationException($"The pruned model's output '{name}' differs by {difference:G3} of its largest value from the original's "
                    + "without the removed channels: the plan is wrong for this model, and nothing was changed. Please report it.");
            largest = Math.Max(largest, difference);
        }
        return new(largest, normalized);
    }

    private static double Difference(float[] expected, float[] actual)
    {
        var (largest, scale) = (0.0, 1e-6);
        for (var i = 0; i < expected.Length; i++)
        {
            if (float.IsNaN(expected[i]) != float.IsNaN(actual[i]))
                return double.NaN;
            if (!float.IsFinite(expected[i]) && expected[i].Equals(actual[i]))
                continue;
            largest = Math.Max(largest, Math.Abs((double)expected[i] - actual[i]));
            scale = Math.Max(scale, Math.Abs((double)expected[i]));
        }
        return largest / scale;
    }
}

/// <summary>A pruned model does not compute what it must; nothing was changed.</summary>
public sealed class VerificationException(string message, Exception? inner = null) : Exception(message, inner);
