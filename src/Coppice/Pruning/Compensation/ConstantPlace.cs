using Coppice.Graphs;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Compensation;

/// <summary>Where what is the same at all positions can be added to a layer's output: its own bias, a vector that is added behind it, or the
/// mean of the batch normalisation behind it, from which it is taken.</summary>
/// <param name="Value">The bias or mean.</param>
/// <param name="Sign">1 for a bias, -1 for a mean.</param>
internal sealed record ConstantPlace(StoredValue Value, int Sign)
{
    /// <summary>The place of a linear layer or convolution; null where there is none that no other node reads.</summary>
    public static ConstantPlace? Of(Node node, Graph graph)
    {
        return Own(node.Inputs.Count > 2 ? OfBias(node.Inputs[2]) : null) ?? Own(Behind(node, graph));

        ConstantPlace? Own(ConstantPlace? place) => place is not null && ReadersOf(place.Value, graph).Count() == 1 ? place : null;
    }

    /// <summary>Adds to it.</summary>
    /// <param name="constants">One for each entry.</param>
    public void Add(double[] constants) => DataOf(Value).CopyFrom(Tensor.From<float>(
        [.. Value.Tensor.ToArray<float>().Zip(constants, (value, constant) => (float)(value + Sign * constant))], Value.Tensor.Shape));

    /// <summary>What is written to in order to change a parameter or buffer.</summary>
    public static Tensor DataOf(StoredValue value) => value is ParameterValue parameter ? parameter.Parameter.Data : value.Tensor;

    /// <summary>Nodes that read a value.</summary>
    public static IEnumerable<Node> ReadersOf(Value value, Graph graph) => graph.Nodes.Where(node => node.Inputs.Contains(value));

    private static ConstantPlace? OfBias(Value value) => value is ParameterValue bias ? new(bias, 1) : null;

    private static ConstantPlace? Behind(Node node, Graph graph)
    {
        var y = node.Outputs[0];
        Node[] readers = [.. ReadersOf(y, graph)];
        if (readers is not [var next] || graph.Outputs.Any(output => output.Value == y))
            return null;
        if (next.Op is BatchNorm)
            return next.Inputs[3] is StoredValue and not ConstantValue ? new((StoredValue)next.Inputs[3], -1) : null;
        return next.Op is Add && OfBias(next.Inputs[0] == y ? next.Inputs[1] : next.Inputs[0]) is { } place
            && IsVectorAlong(place.Value.SampleShape, y.SampleShape, Consumer.Of(node)!.InputAxis) ? place : null;
    }

    /// <summary>Whether what is broadcast to a shape has one entry for each index of an axis.</summary>
    private static bool IsVectorAlong(Shape vector, Shape whole, int axis) => vector.Count == whole[axis]
        && axis - (whole.Rank - vector.Rank) is >= 0 and var own && vector[own] == whole[axis];
}
