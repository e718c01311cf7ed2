using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Tensors;

namespace Coppice.Recipes;

/// <summary>Leaves out residual blocks of an image classifier.</summary>
/// <param name="model">The recipe's model.</param>
internal sealed class ResidualCutting(RecipeModel model)
{
    /// <summary>Scores, leaves out, verifies.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="module">What is cut.</param>
    /// <param name="before">What the recipe cut before.</param>
    /// <param name="inputsOf">Gives the computation's inputs to score on.</param>
    /// <param name="seed">Of the inputs that outputs are compared on.</param>
    /// <exception cref="PruningException">There are no such blocks, or none would go or be left.</exception>
    /// <exception cref="VerificationException">The smaller model computes something else; the module is as it was.</exception>
    public (Module Smaller, StageCut Cut) Cut(CutStage stage, Module module, IReadOnlyList<StageCut> before,
        Func<Graph, IReadOnlyList<IReadOnlyList<Tensor>>> inputsOf, long seed)
    {
        using var cutting = model.Cutting(module, before);
        StageCut cut;
        using (new TensorScope())
        {
            var (graph, blocks) = (cutting.Traced.Graph, cutting.Blocks);
            var count = CountOf(stage, blocks, before);
            var scores = ResidualImportance.Influence(graph, blocks, cutting.Inputs(inputsOf(graph)));
            var removed = ResidualBlocks.Lowest(blocks, scores, count);
            cut = CutOf(cutting, removed);
            cutting.Shorten(removed, seed);
        }
        return (cutting.Smaller(), cut);
    }

    /// <summary>As many blocks less, whichever they are; nothing is verified.</summary>
    public (Module Smaller, StageCut Cut) Estimate(CutStage stage, Module module, IReadOnlyList<StageCut> before)
    {
        using var cutting = model.Cutting(module, before);
        var blocks = cutting.Blocks;
        var cut = CutOf(cutting, [.. blocks.TakeLast(CountOf(stage, blocks, before))]);
        return (model.Carry(module, before, [cut]), cut);
    }

    private static StageCut CutOf(CutModel cutting, IReadOnlyList<ResidualBlock> removed)
    {
        var graph = cutting.Traced.Graph;
        var (cost, left) = (ModelCost.Of(graph), ModelCost.Of(ResidualBlocks.Remove(graph, removed)));
        return new(LayerRemoval.ToPlan(cutting.Traced.Kind, removed), new(cost.Macs, left.Macs, cost.Parameters, left.Parameters,
            string.Join(", ", removed.Select(block => block.Name))));
    }

    private static int CountOf(CutStage stage, IReadOnlyList<ResidualBlock> blocks, IReadOnlyList<StageCut> before)
    {
        if (stage.Measure == CutCriterion.Angular)
            throw new PruningException("angular is a distance between layers of a transformer; residual blocks go by block-influence.");
        var gone = before.Sum(cut => cut.Plan.Blocks?.Count ?? 0);
        ResidualBlocks.RefuseNone(blocks.Count + gone, "the model");
        var count = BlockRemoval.CountOf(stage.Amount!.Value, blocks.Count + gone) - gone;
        return count > 0 ? count : throw new PruningException($"there is nothing to cut: the model has {blocks.Count} of the {blocks.Count + gone} "
            + "residual blocks that it had at the start, from which the amount counts. Ask for more.");
    }
}
