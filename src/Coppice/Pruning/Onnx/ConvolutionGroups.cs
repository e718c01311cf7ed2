using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;

namespace Coppice.Pruning.Onnx;

/// <summary>Grouped convolutions, to be replaced by one convolution for each group.</summary>
/// <remarks>
/// A grouped convolution has as many channels in each group, and its weight one axis for the inputs of all of them: the same channels of
/// each group go. Behind a shuffle, or where groups are counted across what a Concat joined, that ties channels by their numbers until all go
/// or none. Convolutions of their own can each lose what they like.
/// </remarks>
/// <param name="Weights">Names of the weights.</param>
internal sealed record ConvolutionGroups(IReadOnlySet<string> Weights)
{
    /// <summary>No convolution.</summary>
    public static ConvolutionGroups None { get; } = new(new HashSet<string>());

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => Weights.Count == 0;

    /// <summary>Those of which some channels can't go, in the main graph.</summary>
    /// <param name="model">The file.</param>
    /// <param name="dependencies">What depends on what in it.</param>
    public static ConvolutionGroups In(ModelProto model, DependencyGraph dependencies)
    {
        var stored = model.Graph!.Initializers.Select(tensor => tensor.Name ?? "").ToHashSet();
        var values = dependencies.Graph.Values.Where(value => value.SampleShape.Rank > 2).DistinctBy(value => value.Name)
            .ToDictionary(value => value.Name);
        var readers = model.Graph.Reads().CountBy(name => name).ToDictionary();
        return new(model.Graph.Nodes.Where(node => GroupsOf(node) > 1 && HasOwnWeights(node) && IsStuck(node.Inputs[1]))
            .Select(node => node.Inputs[1]).ToHashSet());

        bool HasOwnWeights(NodeProto node) => readers[node.Inputs[1]] == 1
            && node.Inputs.Skip(1).All(name => name.Length == 0 || stored.Contains(name));

        bool IsStuck(string name) => values.TryGetValue(name, out var weight) && weight.SampleShape[1] > 1
            && dependencies.TermsOf(weight)[..2].SelectMany(term => term.Leaves()).Any(CanNotGo);
    }

    /// <summary>Puts a Split, a convolution for each group and a Concat in the place of each.</summary>
    public void Apply(Additions additions)
    {
        var graph = additions.Model.Graph!;
        var before = graph.Reads().ToHashSet();
        foreach (var node in graph.Nodes.Where(node => GroupsOf(node) > 1 && Weights.Contains(node.Inputs[1])).ToList())
        {
            var place = graph.Nodes.IndexOf(node);
            graph.Nodes.RemoveAt(place);
            graph.Nodes.InsertRange(place, Parts(additions, node));
        }
        SizeConstants.RemoveUnread(graph, before);
    }

    private static bool CanNotGo(Dim leaf) => leaf is { Pinned: not null } or { Size: 1, Whole: null };

    private static long GroupsOf(NodeProto node) => node is { OpType: "Conv", Inputs.Count: > 1 } ? node.Attribute("group")?.Int ?? 1 : 1;

    private static List<NodeProto> Parts(Additions additions, NodeProto node)
    {
        var groups = (int)GroupsOf(node);
        string[] names = [.. Enumerable.Range(1, groups).Select(group => $"{node.Outputs[0]}.{group}")];
        var weights = PartsOf(additions, node.Inputs[1], groups);
        var biases = node.Inputs.Count > 2 && node.Inputs[2].Length > 0 ? PartsOf(additions, node.Inputs[2], groups) : null;
        var split = new NodeProto { OpType = "Split" };
        split.Inputs.Add(node.Inputs[0]);
        split.Outputs.AddRange(names.Select(name => additions.FreeName($"{name}.x")));
        split.Attributes.Add(AttributeProto.From("axis", 1L));
        if (additions.Model.OpsetVersion() >= 18)
            split.Attributes.Add(AttributeProto.From("num_outputs", groups));
        var concat = new NodeProto { OpType = "Concat" };
        concat.Inputs.AddRange(names.Select(name => additions.FreeName($"{name}.y")));
        concat.Outputs.Add(node.Outputs[0]);
        concat.Attributes.Add(AttributeProto.From("axis", 1L));
        return [split, .. Enumerable.Range(0, groups).Select(Convolution), concat];

        NodeProto Convolution(int group)
        {
            var name = string.IsNullOrEmpty(node.Name) ? node.Outputs[0] : node.Name;
            var part = new NodeProto { OpType = node.OpType, Name = $"{name}.{group + 1}" };
            part.Inputs.AddRange([split.Outputs[group], weights[group]]);
            if (biases is not null)
                part.Inputs.Add(biases[group]);
            part.Outputs.Add(concat.Inputs[group]);
            part.Attributes.AddRange(node.Attributes.Where(attribute => attribute.Name != "group"));
            return part;
        }
    }

    /// <summary>Names of new initializers: the parts of one along its first axis.</summary>
    private static string[] PartsOf(Additions additions, string name, int groups)
    {
        var tensor = additions.Model.Graph!.Initializers.First(initializer => initializer.Name == name).Source().ToTensor();
        var size = tensor.Shape[0] / groups;
        return [.. Enumerable.Range(0, groups)
            .Select(group => additions.Store($"{name}.{group + 1}", tensor.Narrow(0, group * size, size).Contiguous()))];
    }
}
