using Coppice.Graphs;

namespace Coppice.Pruning.Depth;

/// <summary>A sum <c>y = x + f(x)</c> of a graph whose <c>f</c> can be left out: <c>y</c> then is <c>x</c>.</summary>
/// <param name="Name">What the sum is known by: the layer that adds, or in an ONNX file the sum's own name.</param>
/// <param name="Sum">y.</param>
/// <param name="Skip">What takes its place: x, or x times a number.</param>
/// <param name="Branch">What is not added any more: f(x), or several values where one sum adds them all.</param>
/// <param name="Inner">The nodes of f, in their order: all that depends on x and is read nowhere else.</param>
public sealed record ResidualBlock(string Name, NodeValue Sum, Value Skip, IReadOnlyList<Value> Branch, IReadOnlyList<Node> Inner)
{
    /// <summary>The parameters that f reads, by their names.</summary>
    public IReadOnlyList<string> Weights =>
        [.. Inner.SelectMany(node => node.Inputs).OfType<ParameterValue>().Distinct().Select(parameter => parameter.Name)];

    /// <summary>Form for messages: its name.</summary>
    public override string ToString() => Name;

    /// <summary>Whether another block goes with it.</summary>
    internal bool Contains(ResidualBlock other) => other != this && Inner.Contains(other.Sum.Producer);
}
