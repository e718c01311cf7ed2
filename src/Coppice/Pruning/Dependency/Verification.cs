using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

/// <summary>How the outputs of a pruned model compare with those of the original without the removed channels.</summary>
/// <remarks>
/// Floats may differ by rounding: <see cref="Tolerance"/> of the largest, or two units in the last place of F16 and BF16. Whole numbers and
/// Bools must be equal where they follow from sizes and whole numbers alone. Where they come from floats (positions of a maximum, ranks,
/// comparisons) rounding may tip the scales between near equals: of every thousand one may differ.
/// </remarks>
/// <param name="LargestDifference">Largest absolute difference of any output, relative to the largest output.</param>
/// <param name="Normalized">Normalisations that now take their statistics over fewer entries, so that outputs are those of another function
/// than the original with zeros; empty where removing was exact.</param>
public sealed record Verification(double LargestDifference, IReadOnlyList<string> Normalized)
{
    /// <summary>Differences up to this are rounding: sums run in another order.</summary>
    public const double Tolerance = 1e-4;

    private const int OneTipped = 1000;

    /// <summary>Nodes and outputs that were not compared, because they have no entries on the inputs compared on: levels of a detector without
    /// boxes. Give larger inputs, or others, to check them too.</summary>
    public IReadOnlyList<string> Unchecked { get; init; } = [];

    /// <summary>Both, by the larger difference.</summary>
    internal Verification And(Verification other) => other.LargestDifference > LargestDifference ? other : this;

    /// <exception cref="VerificationException">They differ by more than rounding.</exception>
    internal static Verification Compare(Graph graph, IReadOnlyList<Tensor> expected, IReadOnlyList<Tensor> actual, IReadOnlyList<string> normalized) =>
        Compare([.. graph.Outputs.Select(output => (output.Name, FollowsFromFloats(output.Value)))], expected, actual, normalized);

    /// <param name="outputs">Names, and whether whole numbers of an output come from floats.</param>
    /// <param name="expected">Of the original.</param>
    /// <param name="actual">Of the pruned model.</param>
    /// <param name="normalized">See <see cref="Normalized"/>.</param>
    /// <exception cref="VerificationException">They differ by more than rounding.</exception>
    internal static Verification Compare(IReadOnlyList<(string Name, bool FromFloats)> outputs, IReadOnlyList<Tensor> expected,
        IReadOnlyList<Tensor> actual, IReadOnlyList<string> normalized)
    {
        var largest = 0.0;
        for (var i = 0; i < expected.Count; i++)
        {
            var name = outputs[i].Name;
            if (expected[i].Shape != actual[i].Shape)
                throw new VerificationException($"The pruned model gives output '{name}' as {actual[i].Shape}, not {expected[i].Shape}.");
            if (expected[i].DType != actual[i].DType)
                throw new VerificationException($"The pruned model gives output '{name}' as {actual[i].DType}, not {expected[i].DType}.");
            if (!expected[i].DType.IsFloatingPoint())
            {
                CompareExactly(outputs[i], expected[i], actual[i]);
                continue;
            }
            var difference = RelativeDifference.Between(expected[i].Cast(DType.F32), actual[i].Cast(DType.F32))
                ?? throw new VerificationException($"All of the original's output '{name}' is NaN or infinite on the inputs that outputs are compared on, so "
                    + "nothing can be verified, and nothing was changed. See whether a weight is NaN or infinite, or what makes them of the inputs.");
            if (!(difference <= ToleranceOf(expected[i].DType)))
                throw new VerificationException($"The pruned model's output '{name}' differs by {difference:G3} of its largest value from the original's "
                    + "without what is removed: the plan is wrong for this model, and nothing was changed. Please report it.");
            largest = Math.Max(largest, difference);
        }
        return new(largest, normalized);
    }

    private static void CompareExactly((string Name, bool FromFloats) output, Tensor expected, Tensor actual)
    {
        var (left, right) = (expected.Cast(DType.I64).ToArray<long>(), actual.Cast(DType.I64).ToArray<long>());
        var wrong = left.Zip(right).Count(pair => pair.First != pair.Second);
        if (wrong > (output.FromFloats ? left.Length / OneTipped : 0))
            throw new VerificationException($"{wrong} of {left.Length} entries of the pruned model's output '{output.Name}' differ from the original's "
                + "without what is removed: the plan is wrong for this model, and nothing was changed. Please report it.");
    }

    private static bool FollowsFromFloats(Value value)
    {
        var (seen, open) = (new HashSet<Value>(), new Stack<Value>([value]));
        while (open.TryPop(out var next))
        {
            if (next.DType.IsFloatingPoint())
                return true;
            if (seen.Add(next) && next is NodeValue { Producer: { Op: not ShapeOf } producer })
                foreach (var input in producer.Inputs)
                    open.Push(input);
        }
        return false;
    }

    private static double ToleranceOf(DType dtype) => dtype switch { DType.F16 => 2.0 / 1024, DType.BF16 => 2.0 / 128, _ => Tolerance };
}

/// <summary>A pruned model does not compute what it must; nothing was changed.</summary>
public sealed class VerificationException(string message, Exception? inner = null) : Exception(message, inner);
