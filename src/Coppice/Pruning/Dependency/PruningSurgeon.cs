using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

/// <summary>Removes channels, heads and neurons for good: parameters and buffers get smaller, and the graph's constants follow.</summary>
public static class PruningSurgeon
{
    /// <summary>Removes what is asked for and verifies the result on given inputs.</summary>
    /// <param name="dependencies">What depends on what; of a graph over the model's own parameters.</param>
    /// <param name="removal">What goes.</param>
    /// <param name="inputs">The graph's inputs, in its order, to compare outputs on.</param>
    /// <param name="forward">The model's own forward pass, where it has one: its outputs are compared too.</param>
    /// <returns>The graph of the smaller model, and how its outputs compare.</returns>
    /// <exception cref="VerificationException">The outputs differ; the model is as it was before.</exception>
    public static (Graph Graph, Verification Verification) Apply(DependencyGraph dependencies, Removal removal, IReadOnlyList<Tensor> inputs,
        Func<IReadOnlyList<Tensor>, TraceOutputs>? forward = null)
    {
        using var scope = new TensorScope();
        using var paused = Tape.Pause();
        var expected = new ReferenceRun(dependencies, removal).Run(inputs);
        var undo = removal.ToPlan("").ApplyReversibly(dependencies.Graph.State);
        try
        {
            var graph = Revise(dependencies, removal, _ => null);
            var verification = Verification.Compare(graph, expected, new GraphModule(graph).Forward(inputs), removal.Normalized);
            if (forward is not null)
                verification = verification.And(Verification.Compare(
                    graph, expected, [.. forward(inputs).Tensors.Select(output => output.Tensor)], removal.Normalized));
            return (graph, verification with { Unchecked = removal.Unchecked });
        }
        catch (Exception error)
        {
            undo();
            if (error is GraphException or OpException or ArgumentException or InvalidOperationException)
                throw new VerificationException($"The model does not run without what would be removed: {error.Message}", error);
            throw;
        }
    }

    /// <summary>The graph of the smaller model over weights of its own, so that it runs beside the model, which stays as it is.</summary>
    /// <param name="dependencies">What depends on what.</param>
    /// <param name="removal">What goes.</param>
    /// <exception cref="GraphException">The model does not run without it.</exception>
    public static Graph Trial(DependencyGraph dependencies, Removal removal) =>
        Revise(dependencies, removal, removal.Cut);

    private static Graph Revise(DependencyGraph dependencies, Removal removal, Func<StoredValue, Tensor?> constant) => dependencies.Graph.Revise(
        node => Revised(dependencies.CouplingOf(node), removal),
        (node, input) => node.Op is Gather gather && input == 1 ? removal.Renumbered(node.Inputs[1], node.Inputs[0], gather.Axis) : null, constant);

    private static (Op Op, IReadOnlyList<SymbolicDim> Sizes) Revised(Coupling coupling, Removal removal)
    {
        var sizes = coupling.Node.Sizes;
        if (coupling.Sizes.Count == 0)
            return (coupling.Node.Op, sizes);
        return (coupling.Node.Op, [.. sizes.Zip(coupling.Sizes, (size, term) => size.Scale(removal.SizeOf(term), term.Size))]);
    }
}
