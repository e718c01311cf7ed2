using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

/// <summary>Removes channels, heads and neurons for good: parameters and buffers get smaller, and the graph's constants follow.</summary>
public static class PruningSurgeon
{
    /// <summary>Removes what is asked for and verifies the result on given inputs.</summary>
    /// <param name="dependencies">What depends on what; of a graph over the model's own parameters.</param>
    /// <param name="removal">What goes.</param>
    /// <param name="inputs">The graph's inputs, in its order, to compare outputs on.</param>
    /// <returns>The graph of the smaller model, and how its outputs compare.</returns>
    /// <exception cref="PruningException">The outputs differ; the model is as it was before.</exception>
    public static (Graph Graph, Verification Verification) Apply(
        DependencyGraph dependencies, Removal removal, IReadOnlyList<Tensor> inputs)
    {
        using var scope = new TensorScope();
        var expected = new ReferenceRun(dependencies, removal).Run(inputs);
        var undo = Shrink(dependencies, removal);
        try
        {
            var graph = dependencies.Graph.Revise(node => Revised(dependencies.CouplingOf(node), removal));
            var outputs = new GraphModule(graph).Forward(inputs);
            return (graph, Verification.Compare(graph, expected, outputs, removal.Normalized));
        }
        catch (Exception error) when (error is PruningException or GraphException or OpException)
        {
            undo();
            throw error as PruningException ?? new PruningException($"The model can't do without what would be removed: {error.Message}", error);
        }
    }

    /// <returns>Puts the tensors of before back.</returns>
    private static Action Shrink(DependencyGraph dependencies, Removal removal)
    {
        Action undo = () => { };
        foreach (var value in dependencies.Graph.Values.OfType<StoredValue>())
        {
            var axes = Enumerable.Range(0, value.SampleShape.Rank).Select(axis => (Axis: axis, Kept: removal.KeptOf(value, axis)))
                .Where(entry => entry.Kept is not null).ToList();
            if (axes.Count == 0)
                continue;
            switch (value)
            {
                case ParameterValue { Parameter: var parameter }:
                    undo += Replace(parameter, tensor => Selected(tensor, axes));
                    break;
                case BufferValue buffer:
                    var before = buffer.Tensor;
                    buffer.Owner.ReplaceBuffer(buffer.Key, Selected(before, axes));
                    undo += () => buffer.Owner.ReplaceBuffer(buffer.Key, before);
                    break;
            }
        }
        return undo;
    }

    private static Action Replace(Parameter parameter, Func<Tensor, Tensor> select)
    {
        var (data, mask, keepsSign) = (parameter.Data, parameter.Mask, parameter.KeepsSign);
        Set(select(data), mask is null ? null : select(mask));
        return () => Set(data, mask);

        void Set(Tensor values, Tensor? entries)
        {
            parameter.ClearMask();
            parameter.Replace(values);
            if (entries is not null)
                parameter.SetMask(entries, keepsSign);
        }
    }

    private static Tensor Selected(Tensor tensor, List<(int Axis, int[]? Kept)> axes) =>
        axes.Aggregate(tensor, (part, entry) => AxisSelection.Select(part, entry.Axis, entry.Kept!));

    private static (Op Op, IReadOnlyList<SymbolicDim> Sizes) Revised(Coupling coupling, Removal removal)
    {
        var sizes = coupling.Node.Sizes;
        if (coupling.Sizes.Count == 0)
            return (coupling.Node.Op, sizes);
        return (coupling.Node.Op, [.. sizes.Zip(coupling.Sizes, (size, term) => size.Scale(removal.SizeOf(term), term.Size))]);
    }
}
