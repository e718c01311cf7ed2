using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Onnx;

/// <summary>Rewrites the sizes and positions that nodes of a file carry in attributes and constants, for what is left of a model.</summary>
/// <param name="additions">The file.</param>
/// <param name="scope">The graph of it whose nodes these are.</param>
/// <param name="values">The values of the analysed graph.</param>
/// <param name="removal">What goes.</param>
internal sealed class NodeSizes(Additions additions, FileScope scope, FileValues values, Removal removal)
{
    private readonly SizeConstants _constants = new(additions, scope);

    /// <summary>Rewrites all nodes, in subgraphs too.</summary>
    public static void Rewrite(Additions additions, FileValues values, Removal removal)
    {
        var graph = additions.Model.Graph!;
        var before = graph.Reads().ToHashSet();
        foreach (var scope in new FileScope(graph).All().ToList())
        {
            var sizes = new NodeSizes(additions, scope, values, removal);
            foreach (var node in scope.Graph.Nodes.ToList())
                sizes.Rewrite(node);
        }
        SizeConstants.RemoveUnread(graph, before);
    }

    private void Rewrite(NodeProto node)
    {
        var (x, y) = (Input(node, 0), node.Outputs.Count > 0 ? values.Find(scope, node.Outputs[0]) : null);
        switch (node.OpType)
        {
            case "Reshape" or "Expand" or "Resize" when y is not null:
                Target(node, node.OpType == "Resize" ? 3 : 1, y);
                break;
            case "ConstantOfShape" when y is not null:
                Target(node, 0, y);
                break;
            case "Tile" when x is not null && y is not null:
                Repeats(node, x, y);
                break;
            case "Split" when x is not null:
                Split(node, x);
                break;
            case "Slice" when x is not null && y is not null:
                Slice(node, x, y);
                break;
            case "Gather" when x is not null && y is NodeValue { Producer: { Op: Gather gather } producer }:
                if (removal.Renumbered(producer.Inputs[1], producer.Inputs[0], gather.Axis) is { } positions)
                    node.Inputs[1] = _constants.Replace(node.Inputs[1], positions);
                break;
            case "Pad" when y is not null:
                Pad(node, y);
                break;
            case "Conv" when x is not null && Input(node, 1) is { } weight:
                Groups(node, "group", Size(x, 1) / Size(weight, 1));
                break;
            case "ConvTranspose" when y is not null && Input(node, 1) is { } weight:
                Groups(node, "group", Size(y, 1) / Size(weight, 1));
                break;
            case "GroupNormalization" when x is not null && removal.KeptOf(x, 1) is { } kept:
                var each = x.SampleShape[1] / (int)(node.Attribute("num_groups")?.Int ?? 1);
                Groups(node, "num_groups", kept.Select(channel => channel / each).Distinct().Count());
                break;
            case "LSTM" or "GRU" or "RNN" when Input(node, 2) is { } recurrent && node.Attribute("hidden_size") is { } size:
                size.Int = Size(recurrent, 2);
                break;
        }
    }

    private Value? Input(NodeProto node, int index) => index < node.Inputs.Count ? values.Find(scope, node.Inputs[index]) : null;

    private int Size(Value value, int axis) => removal.ShapeOf(value)[axis];

    private static void Groups(NodeProto node, string name, int groups)
    {
        if (node.Attribute(name) is { Int: > 1 } attribute)
            attribute.Int = groups;
    }

    /// <summary>Sizes of an output, the last for the last axis; -1, 0 and 1 say the same as before.</summary>
    private void Target(NodeProto node, int input, Value y)
    {
        var known = Numbers(node, "shape", input);
        var rank = known?.Length ?? y.SampleShape.Rank;
        var edits = new Dictionary<int, long>();
        for (var i = 0; i < rank; i++)
        {
            var axis = i + y.SampleShape.Rank - rank;
            if (removal.KeptOf(y, axis) is { } kept && (known is null || known[i] == y.SampleShape[axis]))
                edits[i] = kept.Length;
        }
        Edit(node, "shape", input, edits, rank);
    }

    private void Repeats(NodeProto node, Value x, Value y)
    {
        var edits = new Dictionary<int, long>();
        for (var axis = 0; axis < y.SampleShape.Rank; axis++)
            if (x.SampleShape[axis] != y.SampleShape[axis] && removal.KeptOf(y, axis) is { } kept)
                edits[axis] = kept.Length / Size(x, axis);
        Edit(node, "repeats", 1, edits, y.SampleShape.Rank);
    }

    private void Split(NodeProto node, Value x)
    {
        var axis = Axis(node.Attribute("axis")?.Int ?? 0, x);
        if (removal.KeptOf(x, axis) is not { } kept)
            return;
        var (size, parts) = (x.SampleShape[axis], node.Outputs.Count);
        var each = (size + parts - 1) / parts;
        var known = Numbers(node, "split", 1);
        var computed = node.Inputs.Count > 1 ? values.NumbersOf(scope, node.Inputs[1]) : null;
        var left = Parts(known ?? computed
            ?? [.. Enumerable.Range(0, parts).Select(i => (long)Math.Clamp(size - i * each, 0, each))], kept);
        if (known is not null)
            Edit(node, "split", 1, left.Index().ToDictionary(), left.Length);
        else if (computed is not null || left.Distinct().Count() > 1)
            SetSplit(node, left);
    }

    /// <summary>What were equal or computed parts become numbers.</summary>
    private void SetSplit(NodeProto node, long[] sizes)
    {
        node.Attributes.RemoveAll(attribute => attribute.Name == "num_outputs");
        node.Inputs.RemoveRange(1, node.Inputs.Count - 1);
        if (additions.Model.OpsetVersion() >= 13)
            node.Inputs.Add(_constants.Replace($"{node.Outputs[0]}_split", Tensor.From<long>(sizes, [sizes.Length])));
        else
            node.Attributes.Add(AttributeProto.From("split", sizes));
    }

    private void Slice(NodeProto node, Value x, Value y)
    {
        var axes = Numbers(node, "axes", 3);
        if (Numbers(node, "starts", 1) is not { } starts || Numbers(node, "ends", 2) is not { } ends)
        {
            if (axes is [var only])
                ComputedSlice(node, x, y, Axis(only, x));
            return;
        }
        axes ??= [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        var steps = Numbers(node, "steps", 4);
        var (newStarts, newEnds) = (new Dictionary<int, long>(), new Dictionary<int, long>());
        for (var i = 0; i < starts.Length; i++)
            if (removal.KeptOf(x, Axis(axes[i], x)) is { } kept)
            {
                var size = x.SampleShape[Axis(axes[i], x)];
                var (start, step) = (Position(starts[i], size), steps?[i] ?? 1);
                newStarts[i] = Before(kept, start / step * step) + start % step; // whole blocks of a step go
                newEnds[i] = Before(kept, Position(ends[i], size));
            }
        Edit(node, "starts", 1, newStarts, starts.Length);
        Edit(node, "ends", 2, newEnds, ends.Length);
    }

    /// <summary>Positions computed from sizes (halves of an axis, say) may lie elsewhere now: they become numbers.</summary>
    private void ComputedSlice(NodeProto node, Value x, Value y, int axis)
    {
        if (removal.KeptOf(x, axis) is not { } kept || y is not NodeValue { Producer.Op: Narrow narrow } || narrow.Axis != axis)
            return;
        node.Inputs[1] = _constants.Replace(node.Inputs[1], Tensor.From<long>([Before(kept, narrow.Start)], [1]));
        node.Inputs[2] = _constants.Replace(node.Inputs[2], Tensor.From<long>([Before(kept, narrow.Start + narrow.Length)], [1]));
    }

    private void Pad(NodeProto node, Value y)
    {
        if (Numbers(node, "pads", 1) is not { } pads)
            return;
        var half = pads.Length / 2;
        var axes = Numbers(node, "axes", 3) ?? [.. Enumerable.Range(0, half).Select(axis => (long)axis)];
        var edits = new Dictionary<int, long>();
        for (var i = 0; i < half; i++)
            if (removal.KeptOf(y, Axis(axes[i], y)) is { } kept)
            {
                edits[i] = Before(kept, pads[i]);
                edits[i + half] = kept.Length - Before(kept, y.SampleShape[Axis(axes[i], y)] - pads[i + half]);
            }
        Edit(node, "pads", 1, edits, pads.Length);
    }

    /// <summary>Known numbers of an attribute or an input.</summary>
    private long[]? Numbers(NodeProto node, string attribute, int input) => node.Attribute(attribute) is { } found ? [.. found.Ints]
        : input < node.Inputs.Count ? _constants.Find(node.Inputs[input]) : null;

    private void Edit(NodeProto node, string attribute, int input, Dictionary<int, long> edits, int count)
    {
        if (node.Attribute(attribute) is { } found)
            foreach (var (i, value) in edits)
                found.Ints[i] = value;
        else if (input < node.Inputs.Count)
            node.Inputs[input] = _constants.Edit(node.Inputs[input], edits, count, node);
    }

    /// <summary>How much is left of each part of an axis.</summary>
    private static long[] Parts(long[] sizes, int[] kept)
    {
        var (left, start) = (new long[sizes.Length], 0L);
        for (var i = 0; i < sizes.Length; start += sizes[i++])
            left[i] = Before(kept, start + sizes[i]) - Before(kept, start);
        return left;
    }

    private static int Axis(long axis, Value value) => (int)(axis < 0 ? axis + value.SampleShape.Rank : axis);

    /// <summary>A position that may count from the end, or lie beyond it.</summary>
    private static long Position(long position, int size) => Math.Clamp(position < 0 ? position + size : position, 0, size);

    /// <summary>How many of the kept indices come before one.</summary>
    private static long Before(int[] kept, long index) => kept.Count(other => other < index);
}
