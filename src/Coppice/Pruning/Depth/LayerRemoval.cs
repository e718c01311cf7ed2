using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Depth;

/// <summary>Residual blocks that are layers of a model's sequences, such as the blocks of a ResNet: the model without some of them.</summary>
public static class LayerRemoval
{
    /// <summary>The residual blocks that are whole layers of a <see cref="Sequential"/>, by the names of these layers.</summary>
    /// <param name="graph">The graph of a model, as it was traced.</param>
    public static IReadOnlyList<ResidualBlock> Find(Graph graph)
    {
        var modules = graph.State.NamedModules().ToDictionary(entry => entry.Name, entry => entry.Module);
        return [.. ResidualBlocks.Find(graph).GroupBy(block => block.Sum.Producer.Layer).Where(layer => layer.Count() == 1)
            .Select(layer => layer.Single()).Where(block => IsLayer(block, block.Sum.Producer.Layer, modules))];
    }

    /// <summary>Takes layers out of a model, once the model is found to compute what it did where these blocks added zeros.</summary>
    /// <param name="model">The model.</param>
    /// <param name="blocks">Which of those of <see cref="Find"/> go.</param>
    /// <param name="inputs">The graph's inputs, in its order, to compare outputs on.</param>
    /// <returns>What was done, to be carried out on other models of the kind, and how outputs compare.</returns>
    /// <exception cref="VerificationException">The outputs differ; the model is as it was before.</exception>
    public static (StructuralPlan Plan, Verification Verification) Apply(TracedModel model, IReadOnlyList<ResidualBlock> blocks,
        IReadOnlyList<Tensor> inputs)
    {
        using var scope = new TensorScope();
        using var paused = Tape.Pause();
        var expected = ResidualBlocks.RunWithZeros(model.Graph, blocks, inputs);
        var plan = ToPlan(model.Kind, blocks);
        var undo = plan.ApplyReversibly(model.Module);
        try
        {
            var outputs = model.Forward(inputs).Tensors.Select(output => output.Tensor);
            return (plan, Verification.Compare(model.Graph, expected, [.. outputs], []));
        }
        catch (Exception error)
        {
            undo();
            if (error is OpException or ArgumentException or InvalidOperationException)
                throw new VerificationException($"The model does not run without what would be removed: {error.Message}", error);
            throw;
        }
    }

    /// <summary>The removal put down by names.</summary>
    /// <param name="kind">Kind of model.</param>
    /// <param name="blocks">What goes.</param>
    public static StructuralPlan ToPlan(string kind, IEnumerable<ResidualBlock> blocks) =>
        new(StructuralPlan.CurrentVersion, kind, [], [], []) { Blocks = [.. blocks.Select(block => block.Name)] };

    private static bool IsLayer(ResidualBlock block, string layer, Dictionary<string, Module> modules) =>
        layer.LastIndexOf('.') is var dot && modules.GetValueOrDefault(layer[..Math.Max(dot, 0)]) is Sequential
        && block.Inner.All(node => node.Layer == layer || node.Layer.StartsWith($"{layer}.", StringComparison.Ordinal));
}
