using Coppice.Graphs;

namespace Coppice.Pruning.Dependency;

/// <summary>A node as its rule sees it: the terms of the axes it reads, to be equated, and those of the axes it makes, to be filled in.</summary>
internal sealed class Coupling(Node node, IReadOnlyList<Term[]> inputs)
{
    /// <summary>The node.</summary>
    public Node Node => node;

    /// <summary>Whether each of the entries that it takes may go by itself.</summary>
    public bool TakesApart { get; init; }

    /// <summary>Terms of each input's axes.</summary>
    public IReadOnlyList<Term[]> Inputs => inputs;

    /// <summary>Terms of each output's axes.</summary>
    public Term[][] Outputs { get; } = new Term[node.Outputs.Count][];

    /// <summary>The axes whose sizes are the node's <see cref="Node.Sizes"/>, in their order; what surgery computes them from again.</summary>
    public IReadOnlyList<Term> Sizes { get; set; } = [];

    /// <summary>Axes of inputs that are summed over: where a removed index leaves the computation.</summary>
    public List<(int Input, int Axis)> Contracted { get; } = [];

    /// <summary>How messages name the node.</summary>
    public string Name => NameOf(node);

    /// <summary>How messages name a node.</summary>
    public static string NameOf(Node node) =>
        node.Layer.Length > 0 ? $"{node.Op.Name} in {node.Layer}" : $"{node.Op.Name} ({node.Outputs[0].Name})";

    /// <summary>Sizes of an input's axes.</summary>
    public IReadOnlyList<int> InputSizes(int input) => [.. node.Inputs[input].SampleShape];

    /// <summary>Sizes of an output's axes.</summary>
    public IReadOnlyList<int> OutputSizes(int output = 0) => [.. node.Outputs[output].SampleShape];

    /// <summary>States that two axes shrink together.</summary>
    public void Equate(Term left, Term right) => AxisAlgebra.Equate(left, right, Name);

    /// <summary>States that an axis of an input is summed over.</summary>
    public void Contract(int input, int axis) => Contracted.Add((input, axis));

    /// <summary>Forbids pruning of an axis.</summary>
    public void Pin(Term term, string why) => AxisAlgebra.Pin(term, $"{Name}: {why}");

    /// <summary>An axis that the node makes and that can't be pruned.</summary>
    public Dim NewPinned(int size, string why) => AxisAlgebra.Pinned(size, $"{Name}: {why}");
}
