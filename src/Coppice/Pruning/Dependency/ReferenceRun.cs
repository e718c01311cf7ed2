using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using AxisSelection = Coppice.Modules.AxisSelection;

namespace Coppice.Pruning.Dependency;

/// <summary>What a pruned model must compute: the original, with what is removed set to zero just before it is summed over.</summary>
/// <remarks>
/// Independent of how parameters are cut, so that a consumer the analysis missed sees values that it will not have any more. Where a
/// normalised axis shrinks, its statistics are taken over what stays; where neighbours are summed, they are the next of what stays.
/// </remarks>
internal sealed class ReferenceRun(DependencyGraph dependencies, Removal removal)
{
    public IReadOnlyList<Tensor> Run(IReadOnlyList<Tensor> inputs) =>
        GraphModule.Run(dependencies.Graph, inputs, GraphModule.SpentValues(dependencies.Graph), Alone);

    private Tensor[] Alone(Node node, Op op, Tensor[] inputs)
    {
        using var scope = new TensorScope(); // copies with zeros go at once
        return [.. Compute(node, op, inputs).Select(scope.Keep)];
    }

    private Tensor[] Compute(Node node, Op op, Tensor[] inputs)
    {
        if (op is LayerNorm or RmsNorm or Mean && removal.KeptOf(node.Inputs[0], node.Inputs[0].SampleShape.Rank - 1) is { } kept)
            return Normalized(op, inputs, kept);
        if (op is Reduce { Kind: not Reduction.Sum } statistic)
            return Op.Apply(op, [statistic.Axes.Aggregate(inputs[0], (x, axis) => removal.KeptOf(node.Inputs[0], axis) is { } part
                ? AxisSelection.Select(x, axis, part) : x)]);
        if (op is SlidingSum window && removal.KeptOf(node.Inputs[0], window.Axis) is { } neighbours)
            return [AxisSelection.Scatter(Op.Apply(op, [AxisSelection.Select(inputs[0], window.Axis, neighbours)])[0], window.Axis, neighbours,
                inputs[0].Shape[window.Axis])];
        foreach (var (input, axis) in dependencies.CouplingOf(node).Contracted)
            if (removal.KeptOf(node.Inputs[input], axis) is { } left)
                inputs[input] = Zeroed(inputs[input], axis, left);
        return Op.Apply(op, inputs);
    }

    private static Tensor[] Normalized(Op op, Tensor[] inputs, int[] kept)
    {
        var size = inputs[0].Shape[^1];
        var outputs = Op.Apply(op, [.. inputs.Select(input => AxisSelection.Select(input, input.Shape.Rank - 1, kept))]);
        return op is LayerNorm or RmsNorm ? [AxisSelection.Scatter(outputs[0], outputs[0].Shape.Rank - 1, kept, size)] : outputs;
    }

    private static Tensor Zeroed(Tensor tensor, int axis, int[] kept) =>
        AxisSelection.Scatter(AxisSelection.Select(tensor, axis, kept), axis, kept, tensor.Shape[axis]);
}
