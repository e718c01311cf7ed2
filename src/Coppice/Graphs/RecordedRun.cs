using Coppice.Tensors.Ops;

namespace Coppice.Graphs;

/// <summary>One op of a run, with the numbers of the tensors it read and made, and the full name of the layer that applied it.</summary>
internal sealed record RecordedOp(Op Op, string Layer, int[] Inputs, int[] Outputs);

/// <summary>The ops of one run of a model.</summary>
/// <param name="Leaves">For each tensor where it comes from; null where an op made it.</param>
/// <param name="Ops">The ops as they ran.</param>
/// <param name="Outputs">Names and numbers of what the run returned.</param>
internal sealed record RecordedRun(IReadOnlyList<TraceLeaf?> Leaves, IReadOnlyList<RecordedOp> Ops, IReadOnlyList<(string Name, int Tensor)> Outputs)
{
    /// <summary>The run without ops that lead to no output, its tensors numbered in the order they appear.</summary>
    public RecordedRun WithoutDead()
    {
        var needed = Outputs.Select(output => output.Tensor).ToHashSet();
        var alive = new List<RecordedOp>();
        foreach (var op in Ops.Reverse())
            if (op.Outputs.Any(needed.Contains))
            {
                alive.Add(op);
                needed.UnionWith(op.Inputs);
            }
        alive.Reverse();
        var numbers = new Dictionary<int, int>();
        foreach (var tensor in alive.SelectMany(op => op.Inputs.Concat(op.Outputs)).Concat(Outputs.Select(output => output.Tensor)))
            numbers.TryAdd(tensor, numbers.Count);
        return new([.. numbers.Keys.Select(tensor => Leaves[tensor])],
            [.. alive.Select(op => op with { Inputs = Renumber(op.Inputs), Outputs = Renumber(op.Outputs) })],
            [.. Outputs.Select(output => (output.Name, numbers[output.Tensor]))]);

        int[] Renumber(int[] tensors) => [.. tensors.Select(tensor => numbers[tensor])];
    }

    /// <summary>Why another run of the same model can't be told by the same graph; null where it can.</summary>
    public string? DifferenceFrom(RecordedRun other)
    {
        for (var i = 0; i < Math.Min(Ops.Count, other.Ops.Count); i++)
        {
            var (one, two) = (Ops[i], other.Ops[i]);
            if (!AreAlike(one.Op, two.Op))
                return $"op {i} is {two.Op} instead of {one.Op}; which ops run, and with which attributes, must not depend on the input.";
            for (var input = 0; input < Math.Min(one.Inputs.Length, two.Inputs.Length); input++)
                if (LeafDifference(Leaves[one.Inputs[input]], other.Leaves[two.Inputs[input]]) is { } difference)
                    return $"{one.Op.Name} (op {i}) reads as input {input} {difference}";
            if (!one.Inputs.SequenceEqual(two.Inputs) || !one.Outputs.SequenceEqual(two.Outputs))
                return $"{one.Op.Name} (op {i}) reads the results of other ops.";
        }
        return Ops.Count != other.Ops.Count || !Outputs.SequenceEqual(other.Outputs)
            ? $"it runs {other.Ops.Count} ops instead of {Ops.Count}, or has other outputs; neither must depend on the input."
            : null;
    }

    /// <summary>Whether ops are equal but for their sizes.</summary>
    private static bool AreAlike(Op one, Op two) => one is ISizedOp sized && two is ISizedOp other && sized.Sizes.Count == other.Sizes.Count
        ? one == other.WithSizes([.. sized.Sizes])
        : one == two;

    private static string? LeafDifference(TraceLeaf? one, TraceLeaf? two) => (one, two) switch
    {
        _ when Equals(one, two) => null,
        (TraceLeaf.Constant a, TraceLeaf.Constant b) => $"the constant {b.Tensor} instead of {a.Tensor} with "
            + (a.Tensor.Shape == b.Tensor.Shape ? "other values" : "another shape")
            + ": it is made outside of ops from the input's sizes or values, or at random (dropout). Make it with ops (Tensor.Arange, say), or "
            + "give it as an input of its own; trace in evaluation mode to leave out dropout.",
        _ => "a tensor of another origin.",
    };
}
