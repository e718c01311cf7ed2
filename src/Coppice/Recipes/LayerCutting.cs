using Coppice.Graphs;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Tensors;

namespace Coppice.Recipes;

/// <summary>Leaves out whole layers of a transformer.</summary>
/// <param name="model">The recipe's model.</param>
internal sealed class LayerCutting(RecipeModel model)
{
    /// <summary>Scores, leaves out, verifies.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="module">What is cut.</param>
    /// <param name="before">What the recipe cut before.</param>
    /// <param name="inputsOf">Gives the computation's inputs to score on.</param>
    /// <exception cref="VerificationException">The smaller model computes something else; the module is as it was.</exception>
    public (Module Smaller, StageCut Cut) Cut(CutStage stage, Module module, IReadOnlyList<StageCut> before,
        Func<Graph, IReadOnlyList<IReadOnlyList<Tensor>>> inputsOf)
    {
        var blocks = BlocksOf(module);
        var traced = model.Trace(module);
        var ids = inputsOf(traced.Graph).Select(input => input[0]).ToList();
        var (_, removed) = BlockImportance.Lowest(blocks, ids, CountOf(stage, blocks), stage.Measure == CutCriterion.Angular);
        var (smaller, cut) = Without(removed, traced, before);
        BlockRemoval.Verify(blocks, cut.Layers!, (IBlockModel)smaller, ids[0]);
        return (smaller, cut);
    }

    /// <summary>As many layers less, whichever they are.</summary>
    public (Module Smaller, StageCut Cut) Estimate(CutStage stage, Module module, IReadOnlyList<StageCut> before)
    {
        var blocks = BlocksOf(module);
        var count = CountOf(stage, blocks);
        return Without([.. Enumerable.Range(blocks.Blocks.Count - count, count)], model.Trace(module), before);
    }

    private (Module Smaller, StageCut Cut) Without(IReadOnlyList<int> removed, TracedModel traced, IReadOnlyList<StageCut> before)
    {
        var cost = ModelCost.Of(traced.Graph);
        var cut = new StageCut(new(StructuralPlan.CurrentVersion, traced.Kind, [], [], []),
            new(cost.Macs, 0, cost.Parameters, 0, string.Join(", ", removed)),
            [.. Enumerable.Range(0, BlocksOf(traced.Module).Blocks.Count).Except(removed)]);
        var smaller = model.Carry(traced.Module, before, [cut]);
        var after = ModelCost.Of(model.Trace(smaller).Graph);
        return (smaller, cut with { Report = cut.Report with { MacsAfter = after.Macs, ParametersAfter = after.Parameters } });
    }

    private int CountOf(CutStage stage, IBlockModel blocks)
    {
        var (original, now) = (model.Blocks, blocks.Blocks.Count);
        var count = BlockRemoval.CountOf(stage.Amount!.Value, original) - (original - now);
        return count > 0 ? count : throw new PruningException(
            $"there is nothing to cut: the model has {now} of the {original} layers that it had at the start, from which the amount counts. Ask for more.");
    }

    private static IBlockModel BlocksOf(Module module) => (IBlockModel)module;
}
