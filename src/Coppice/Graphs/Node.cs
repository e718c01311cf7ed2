using Coppice.Tensors.Ops;

namespace Coppice.Graphs;

/// <summary>One op of a graph with what it reads and computes.</summary>
public sealed class Node
{
    internal Node(Op op, string layer, IReadOnlyList<SymbolicDim> sizes, IReadOnlyList<Value> inputs, IReadOnlyList<NodeValue> outputs)
    {
        (Op, Layer, Sizes, Inputs, Outputs) = (op, layer, sizes, inputs, outputs);
        foreach (var output in outputs)
            output.Producer = this;
    }

    /// <summary>The op with its attributes at the sample sizes of the graph's inputs.</summary>
    public Op Op { get; }

    /// <summary>Full name of the innermost layer of the traced model that applied it; empty where none did.</summary>
    public string Layer { get; }

    /// <summary>How the op's <see cref="ISizedOp.Sizes"/> follow from the inputs' sizes; empty for other ops.</summary>
    public IReadOnlyList<SymbolicDim> Sizes { get; }

    /// <summary>What it reads, in the op's order.</summary>
    public IReadOnlyList<Value> Inputs { get; }

    /// <summary>What it computes, in the op's order.</summary>
    public IReadOnlyList<NodeValue> Outputs { get; }

    /// <summary>The op where the inputs' axes have these sizes.</summary>
    /// <exception cref="GraphException">A size has no whole value there.</exception>
    public Op OpAt(IReadOnlyDictionary<string, int> sizes) => OpAt(Op, Sizes, sizes);

    /// <summary>Form for people: <c>%7 F32 [batch, 64] = Linear(%6, fc.weight, fc.bias) { Layout = OutIn }</c>.</summary>
    public override string ToString()
    {
        var text = Op.ToString();
        var attributes = text[text.IndexOf('{', StringComparison.Ordinal)..];
        return $"{string.Join(", ", Outputs)} = {Op.Name}({string.Join(", ", Inputs.Select(input => input.Name))})"
            + (attributes == "{ }" ? "" : $" {attributes}")
            + (Sizes.All(size => size.Constant is not null) ? "" : $" with sizes [{string.Join(", ", Sizes)}]");
    }

    internal static Op OpAt(Op op, IReadOnlyList<SymbolicDim> dims, IReadOnlyDictionary<string, int> sizes) =>
        op is ISizedOp sized && dims.Any(dim => dim.Constant is null)
            ? sized.WithSizes([.. dims.Select(dim => dim.Evaluate(sizes))])
            : op;
}
