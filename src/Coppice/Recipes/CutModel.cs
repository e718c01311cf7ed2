using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Recipes;

/// <summary>A model that is about to be cut.</summary>
internal abstract class CutModel : IDisposable
{
    /// <summary>The model with its computation.</summary>
    public abstract TracedModel Traced { get; }

    /// <summary>What of it must shrink together.</summary>
    public abstract DependencyGraph Dependencies { get; }

    /// <summary>The model to be run on examples.</summary>
    public virtual TrainingTask Task => TrainingTask.Of(Traced.Module);

    /// <summary>Whether layers without a bias can be given one.</summary>
    public virtual bool CanAddBiases => false;

    /// <summary>Inputs of the computation out of inputs that the recipe's model makes of examples.</summary>
    public virtual IReadOnlyList<IReadOnlyList<Tensor>> Inputs(IReadOnlyList<IReadOnlyList<Tensor>> inputs) => inputs;

    /// <summary>Removes, verifies, makes up for what went.</summary>
    /// <param name="removal">What goes.</param>
    /// <param name="compensation">What makes up for it; null for nothing.</param>
    /// <param name="seed">Of the inputs that outputs are compared on.</param>
    /// <returns>What layers got to that end; null for nothing.</returns>
    /// <exception cref="VerificationException">The outputs differ; nothing has changed.</exception>
    public abstract IReadOnlyList<AddedBias>? CarryOut(Removal removal, PreparedCompensation? compensation, long seed);

    /// <summary>Residual blocks that can be left out.</summary>
    public abstract IReadOnlyList<ResidualBlock> Blocks { get; }

    /// <summary>Leaves out residual blocks, and verifies.</summary>
    /// <exception cref="VerificationException">The outputs differ; nothing has changed.</exception>
    public abstract void Shorten(IReadOnlyList<ResidualBlock> blocks, long seed);

    /// <summary>What became of the model.</summary>
    public abstract Module Smaller();

    public abstract void Dispose();
}

/// <summary>A model whose modules are made smaller in place.</summary>
internal sealed class LiveCutModel(TracedModel traced) : CutModel
{
    public override TracedModel Traced => traced;

    public override DependencyGraph Dependencies { get; } = DependencyGraph.Of(traced.Graph);

    public override IReadOnlyList<AddedBias>? CarryOut(Removal removal, PreparedCompensation? compensation, long seed)
    {
        var (graph, _) = PruningSurgeon.Apply(Dependencies, removal, traced.RandomInputs(seed), traced.Forward);
        compensation?.CarryOut(graph);
        return null;
    }

    public override IReadOnlyList<ResidualBlock> Blocks => LayerRemoval.Find(traced.Graph);

    public override void Shorten(IReadOnlyList<ResidualBlock> blocks, long seed) =>
        LayerRemoval.Apply(traced, blocks, traced.RandomInputs(seed));

    public override Module Smaller() => traced.Module;

    public override void Dispose()
    {
    }
}
