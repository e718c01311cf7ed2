using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Pruning.Onnx;

/// <summary>Chains of nodes that only put the channels of images into another order, or take some of them by their place.</summary>
/// <remarks>
/// A shuffle by reshaping and transposing pairs channels by their numbers, and so ties those that it brings side by side. The same shuffle by
/// a list of numbers ties none: what is left of the channels finds its places by what is left of the list.
/// </remarks>
internal sealed class ChannelShuffles
{
    private static readonly string?[] Moves = ["Reshape", "Transpose", "Squeeze", "Unsqueeze", "Gather"];

    private readonly IReadOnlyList<Shuffle> _found;

    private ChannelShuffles(IReadOnlyList<Shuffle> found) => _found = found;

    /// <summary>None: the file's nodes stay as they are.</summary>
    public static ChannelShuffles None { get; } = new([]);

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => _found.Count == 0;

    /// <summary>Finds them by what their nodes do to numbered channels.</summary>
    /// <param name="model">The file.</param>
    /// <param name="values">Its values on the example inputs.</param>
    public static ChannelShuffles In(ModelProto model, FileValues values)
    {
        var graph = model.Graph!;
        var constants = graph.Initializers.Select(tensor => tensor.Name ?? "")
            .Concat(graph.Nodes.Where(node => node.OpType == "Constant").SelectMany(node => node.Outputs)).ToHashSet();
        return new([.. graph.Nodes.Where(node => node.OpType == "Reshape").Select(node => node.Inputs[0]).Distinct()
            .SelectMany(name => Behind(model, name, ShapeOf, constants)).DistinctBy(shuffle => shuffle.To)]);

        Shape? ShapeOf(string name) => values.Find(new(graph), name)?.SampleShape;
    }

    /// <summary>Puts a Gather in place of each.</summary>
    /// <returns>Names of the lists of numbers.</returns>
    public IReadOnlySet<string> Apply(Additions additions)
    {
        var (graph, lists) = (additions.Model.Graph!, new HashSet<string>());
        var before = graph.Reads().ToHashSet();
        foreach (var (from, to, channels) in _found)
        {
            var list = additions.Store(to, Tensor.From<long>(channels, [channels.Length]));
            var gather = new NodeProto { OpType = "Gather" };
            gather.Inputs.AddRange([from, list]);
            gather.Outputs.Add(to);
            gather.Attributes.Add(AttributeProto.From("axis", 1L));
            graph.Nodes[graph.Nodes.FindIndex(node => node.Outputs.Contains(to))] = gather;
            lists.Add(list);
        }
        SizeConstants.RemoveUnread(graph, before);
        return lists;
    }

    private static IEnumerable<Shuffle> Behind(ModelProto model, string from, Func<string, Shape?> shapeOf, HashSet<string> constants)
    {
        if (shapeOf(from) is not { Rank: 4 } shape)
            return [];
        var made = new HashSet<string> { from };
        var chain = new List<NodeProto>();
        foreach (var node in model.Graph!.Nodes)
            if (Moves.Contains(node.OpType) && made.Contains(node.Inputs[0]) && node.Inputs.Skip(1).All(constants.Contains))
            {
                chain.Add(node);
                made.UnionWith(node.Outputs);
            }
        var ends = chain.Select(node => node.Outputs[0])
            .Where(name => shapeOf(name) is { Rank: 4 } to && to[0] == shape[0] && to[2] == shape[2] && to[3] == shape[3]).ToList();
        return chain.Exists(node => node.OpType == "Transpose") && ends.Count > 0 ? Found(model, from, shape, chain, ends) : [];
    }

    private static IEnumerable<Shuffle> Found(ModelProto model, string from, Shape shape, List<NodeProto> chain, List<string> ends)
    {
        var whole = model.Graph!;
        var read = chain.SelectMany(node => node.Inputs).ToHashSet();
        var graph = new GraphProto { Name = whole.Name };
        graph.Inputs.Add(new() { Name = from });
        graph.Initializers.AddRange(whole.Initializers.Where(tensor => read.Contains(tensor.Name ?? "")));
        graph.Nodes.AddRange(whole.Nodes.Where(
            node => chain.Contains(node) || (node.OpType == "Constant" && read.Contains(node.Outputs[0]))));
        graph.Outputs.AddRange(ends.Select(name => new ValueInfoProto { Name = name }));
        var part = new ModelProto { IrVersion = model.IrVersion, Graph = graph };
        part.OpsetImports.AddRange(model.OpsetImports);
        var numbered = Tensor.Arange(0, (int)shape.Count).Reshape([.. shape]);
        foreach (var (name, moved) in ends.Zip(new OnnxModule(part, "").Forward(numbered)))
            if (ChannelsOf(numbered, moved) is { } channels)
                yield return new(from, name, channels);
    }

    /// <summary>Which channels a tensor is made of; null where it is made of anything else, or of all as they were.</summary>
    private static long[]? ChannelsOf(Tensor numbered, Tensor moved)
    {
        var area = numbered.Shape[2] * numbered.Shape[3];
        var channels = moved.Narrow(0, 0, 1).Narrow(2, 0, 1).Narrow(3, 0, 1).Contiguous().ToArray<long>();
        for (var i = 0; i < channels.Length; i++)
            channels[i] = channels[i] / area % numbered.Shape[1];
        var list = Tensor.From<long>(channels, [channels.Length]);
        return numbered.Gather(list, 1).ToArray<long>().SequenceEqual(moved.ToArray<long>())
            && channels.Index().Any(channel => channel.Item != channel.Index) ? channels : null;
    }

    /// <summary>Channels of one value that make another.</summary>
    private sealed record Shuffle(string From, string To, long[] Channels);
}
