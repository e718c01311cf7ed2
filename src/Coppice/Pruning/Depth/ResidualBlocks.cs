using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Depth;

/// <summary>The residual blocks of a graph, found by what depends on what; names and architectures play no part.</summary>
/// <remarks>
/// A block is an addition of two floats of the sum's shape. One is x (or x times one number, or one for each channel), the other f(x): it
/// depends on x, what computes it from x is read by nothing else, and it reads a weight of at least two axes, or every polynomial, such as that
/// of GELU, would be one. Besides x and weights, f may read what x does not lead to: masks, positions, what another model gives.
/// </remarks>
public static class ResidualBlocks
{
    /// <summary>All blocks in the order they run; of blocks in another block the inner ones first.</summary>
    public static IReadOnlyList<ResidualBlock> Find(Graph graph)
    {
        var search = new ResidualSearch(graph);
        return [.. graph.Nodes.Select(search.At).OfType<ResidualBlock>()];
    }

    /// <summary>Refuses a model in which nothing can be left out.</summary>
    /// <param name="count">How many blocks it has, or had before any went.</param>
    /// <param name="model">The model, for the message.</param>
    /// <exception cref="PruningException">It has none.</exception>
    public static void RefuseNone(int count, string model)
    {
        if (count == 0)
            throw new PruningException($"{model} has no residual block that could be left out: no sum x + f(x) of equal shapes whose f(x) only the sum "
                + "reads.");
    }

    /// <summary>The graph without some of its blocks, over the same weights.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="blocks">Blocks of it.</param>
    public static Graph Remove(Graph graph, IEnumerable<ResidualBlock> blocks) =>
        graph.Bypass(blocks.ToDictionary(block => (Value)block.Sum, block => block.Skip));

    /// <summary>Those that a plan leaves out.</summary>
    /// <param name="blocks">All that could be left out.</param>
    /// <param name="plan">The plan; it names blocks.</param>
    /// <param name="path">Whose blocks they are, for the message.</param>
    /// <exception cref="StructuralPlanException">It names another.</exception>
    public static IReadOnlyList<ResidualBlock> Planned(IReadOnlyList<ResidualBlock> blocks, StructuralPlan plan, string path) =>
        [.. plan.Blocks!.Select(name => blocks.FirstOrDefault(block => block.Name == name) ?? throw new StructuralPlanException(
            $"The plan is for another model, or was carried out already: {path} has no residual block '{name}' that could be left out."))];

    /// <summary>The blocks of lowest score, of equal ones the first. Blocks inside of another go with it and count as well; one that would
    /// bring more than are asked for stays.</summary>
    /// <param name="blocks">The blocks.</param>
    /// <param name="scores">A score for each.</param>
    /// <param name="count">How many go.</param>
    /// <exception cref="PruningException">None would go or be left.</exception>
    public static IReadOnlyList<ResidualBlock> Lowest(IReadOnlyList<ResidualBlock> blocks, IReadOnlyList<double> scores, int count)
    {
        if (count < 1 || count >= blocks.Count)
            throw new PruningException($"The model has {blocks.Count} residual blocks that can be left out, of which {count} would go; at least one "
                + "has to go, and one to stay.");
        var gone = new HashSet<ResidualBlock>();
        foreach (var (block, _) in blocks.Zip(scores).OrderBy(entry => entry.Second))
        {
            ResidualBlock[] more = [.. blocks.Where(other => (other == block || block.Contains(other)) && !gone.Contains(other))];
            if (gone.Count + more.Length <= count)
                gone.UnionWith(more);
        }
        return [.. blocks.Where(gone.Contains)];
    }

    /// <summary>What the graph computes where the blocks add zeros.</summary>
    internal static Tensor[] RunWithZeros(Graph graph, IReadOnlyList<ResidualBlock> blocks, IReadOnlyList<Tensor> inputs)
    {
        var branches = blocks.SelectMany(block => block.Branch).ToHashSet();
        return GraphModule.Run(graph, inputs, GraphModule.SpentValues(graph), (node, op, read) =>
        {
            if (op is Add)
                for (var i = 0; i < read.Length; i++)
                    if (branches.Contains(node.Inputs[i]))
                        read[i] = Tensor.Zeros(read[i].Shape, read[i].DType);
            return Op.Apply(op, read);
        });
    }
}
