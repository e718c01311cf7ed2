using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Onnx.Operators;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Pruning.Onnx;

/// <summary>Corrects what a smaller file computes from sizes: the width by the number of heads, the root of a head's size.</summary>
/// <remarks>
/// The smaller model runs once; where a node reads other sizes than it must, they are scaled in front of it, and so still follow the
/// sizes of the model's inputs. Sizes that become floats are numbers that the model computes with: they stay what they were.
/// </remarks>
/// <param name="additions">The smaller file, whose constants are already right.</param>
/// <param name="values">The values of the analysed graph.</param>
/// <param name="removal">What goes.</param>
internal sealed class ComputedSizes(Additions additions, FileValues values, Removal removal)
{
    private readonly FileScope _scope = new(additions.Model.Graph!);
    private readonly HashSet<string> _sizes = SizesOf(additions.Model.Graph!);
    private readonly List<Correction> _corrections = [];

    /// <summary>Runs the smaller model on example inputs, and corrects the file.</summary>
    public void Correct(IReadOnlyList<Tensor> inputs, OnnxModule module, Choices choices)
    {
        if (_sizes.Count == 0)
            return;
        using (new TensorScope())
            module.Forward(inputs, watch: null, Check, choices.Repeat().Revise, recycles: choices == Choices.None);
        _corrections.ForEach(Scale);
    }

    /// <summary>Values that follow from sizes and constants alone.</summary>
    private static HashSet<string> SizesOf(GraphProto graph)
    {
        var constants = graph.Initializers.Select(tensor => tensor.Name ?? "").Append("").ToHashSet();
        var sizes = new HashSet<string>();
        foreach (var node in graph.Nodes)
            if (node.OpType == "Constant")
                constants.UnionWith(node.Outputs);
            else if (node.OpType is "Shape" or "Size" || (node.Inputs.Exists(sizes.Contains)
                && node.Inputs.TrueForAll(input => sizes.Contains(input) || constants.Contains(input))))
                sizes.UnionWith(node.Outputs);
        return sizes;
    }

    /// <summary>Puts right what a node is about to read.</summary>
    private void Check(NodeProto node, Tensor?[] inputs)
    {
        var y = values.Find(_scope, node.Outputs.FirstOrDefault() ?? "");
        switch (node.OpType)
        {
            case "Reshape" when y is not null:
                Correct(node, inputs, 1, sizes => Reshaped(sizes, inputs[0]!.Shape, y));
                break;
            case "Expand" or "ConstantOfShape" or "Resize" when y is not null:
                Correct(node, inputs, node.OpType switch { "Expand" => 1, "Resize" => 3, _ => 0 }, sizes => Extended(sizes, y));
                break;
            case "Cast" when y is not null && values.NumbersOf(_scope, node.Inputs[0]) is { } numbers:
                Correct(node, inputs, 0, _ => numbers);
                break;
        }
    }

    private void Correct(NodeProto node, Tensor?[] inputs, int input, Func<long[], long[]> right)
    {
        if (input >= inputs.Length || !_sizes.Contains(node.Inputs[input]) || inputs[input] is not { Count: > 0 } tensor
            || tensor.DType.IsFloatingPoint())
            return;
        var from = OperatorCall.ValuesOf(tensor);
        var to = right([.. from]);
        if (from.SequenceEqual(to))
            return;
        _corrections.Add(new(node, input, from, to, tensor.Shape, tensor.DType));
        inputs[input] = Tensor.From<long>(to, tensor.Shape).Cast(tensor.DType);
    }

    /// <summary>Axes that nothing was removed from are only corrected where the elements do not fit otherwise.</summary>
    private long[] Reshaped(long[] sizes, Shape from, Value y)
    {
        var to = removal.ShapeOf(y);
        if (sizes.Length != to.Rank)
            return sizes;
        var removed = With(axis => removal.KeptOf(y, axis) is not null);
        var count = removed.Select((size, axis) => size switch { -1 => to[axis], 0 => from[axis], _ => size }).Aggregate(1L, (a, b) => a * b);
        return count == from.Count ? removed : With(_ => true);

        long[] With(Predicate<int> isWrong) => [.. sizes.Select((size, axis) =>
            size == -1 || (size == 0 && from[axis] == to[axis]) || !isWrong(axis) ? size : to[axis])];
    }

    /// <summary>Sizes of an output, the last for the last axis; 1 leaves an axis as it is.</summary>
    private long[] Extended(long[] sizes, Value y)
    {
        for (var i = 0; i < sizes.Length; i++)
            if (i + y.SampleShape.Rank - sizes.Length is >= 0 and var axis && sizes[i] != 1 && removal.KeptOf(y, axis) is { } kept)
                sizes[i] = kept.Length;
        return sizes;
    }

    /// <summary>Puts a multiplication and a division in front of a node's input; what was 0 has no ratio and becomes a constant.</summary>
    private void Scale(Correction correction)
    {
        var (node, input, from, to, shape, type) = correction;
        var name = node.Inputs[input];
        if (from.Zip(to).Any(pair => pair.First == 0 && pair.Second != 0))
        {
            node.Inputs[input] = Add(to);
            return;
        }
        var factors = from.Zip(to, (number, right) => number == right ? (Up: 1, Down: 1) : (Up: right, Down: number)).ToList();
        Insert("Mul", Add([.. factors.Select(factor => factor.Up)]));
        Insert("Div", Add([.. factors.Select(factor => factor.Down)]));

        string Add(long[] constants) => additions.Store(name, Tensor.From<long>(constants, shape).Cast(type));

        void Insert(string op, string factor)
        {
            var scaling = new NodeProto { OpType = op };
            scaling.Inputs.AddRange([node.Inputs[input], factor]);
            scaling.Outputs.Add(node.Inputs[input] = additions.FreeName(name));
            _scope.Graph.Nodes.Insert(_scope.Graph.Nodes.IndexOf(node), scaling);
        }
    }

    private sealed record Correction(NodeProto Node, int Input, long[] From, long[] To, Shape Shape, DType Type);
}
