using Coppice.Graphs;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

/// <summary>What one index of a group is.</summary>
public enum GroupKind
{
    /// <summary>A unit between linear layers.</summary>
    Neuron,

    /// <summary>A channel that convolutions make or read.</summary>
    Channel,

    /// <summary>An attention head, or with grouped queries a key head and the query heads that read it.</summary>
    Head,

    /// <summary>Of grouped queries, one of the query heads that read the same key head: one goes for each key head.</summary>
    Query,

    /// <summary>A dimension inside of the heads of a layer.</summary>
    HeadSize,

    /// <summary>A feature of a normalised axis, such as the hidden width of a transformer: removing one changes statistics.</summary>
    Width,
}

/// <summary>Tells what the leaves of a graph are from the ops that meet them.</summary>
internal sealed class GroupKinds
{
    private readonly Dictionary<Dim, GroupKind> _kinds = [];

    /// <summary>Looks at the attention and convolutions of a graph whose equations are stated.</summary>
    public GroupKinds(Graph graph, Func<Value, Term[]> termsOf)
    {
        foreach (var node in graph.Nodes)
            if (node.Op is Attention)
            {
                var (queries, keys) = (termsOf(node.Inputs[0])[1], termsOf(node.Inputs[1])[1]);
                Note(keys, GroupKind.Head);
                Note(queries, keys.Size > 1 ? GroupKind.Query : GroupKind.Head);
                Note(termsOf(node.Inputs[1])[3], GroupKind.HeadSize);
            }
            else if (node.Op is Conv2d)
            {
                Note(termsOf(node.Inputs[0])[1], GroupKind.Channel);
                Note(termsOf(node.Outputs[0])[1], GroupKind.Channel);
            }
    }

    /// <summary>What a leaf is.</summary>
    public GroupKind Of(Dim leaf) => leaf.Normalized is not null ? GroupKind.Width : _kinds.GetValueOrDefault(leaf, GroupKind.Neuron);

    private void Note(Term term, GroupKind kind)
    {
        foreach (var leaf in term.Leaves())
            _kinds.TryAdd(leaf, kind);
    }
}
