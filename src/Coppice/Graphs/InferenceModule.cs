using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;

namespace Coppice.Graphs;

/// <summary>A graph made ready for evaluation alone: the same function with fewer passes over memory.</summary>
/// <remarks>
/// Batch normalisation is folded into the weights of the convolution before it; bias, a sum with another image, and ReLU or a clamp are
/// computed where the convolution's sums are (<see cref="FusedConv2d"/>); what follows from constants is computed once; the memory of a
/// value is used again when nothing reads it any more. Outputs differ from the graph's by rounding.
/// Weights are taken as they are when this is made, masks included; they are constants from then on, and no gradient flows.
/// </remarks>
public sealed class InferenceModule : Module
{
    /// <summary>By node, the values that nothing reads after it.</summary>
    private readonly IReadOnlyList<Value>[] _spent;

    /// <summary>Rewrites a graph, which stays as it is.</summary>
    /// <exception cref="GraphException">The graph normalises by the statistics of a batch: trace the model in evaluation mode.</exception>
    public InferenceModule(Graph graph)
    {
        if (graph.Nodes.FirstOrDefault(node => node.Op is BatchNormTraining) is { } training)
            throw new GraphException($"{training}: it is of a model in training; call Train(false) on it and trace it again.");
        using var scope = new TensorScope();
        using var paused = Tape.Pause();
        Graph = new InferenceRewriter(graph).Rewrite();
        _spent = GraphModule.SpentValues(Graph);
    }

    /// <summary>What it computes.</summary>
    public Graph Graph { get; }

    /// <summary>Runs the graph, without gradients.</summary>
    /// <param name="inputs">As many tensors as the graph has inputs, in their order.</param>
    /// <returns>One tensor for each of the graph's outputs, in their order.</returns>
    /// <exception cref="ArgumentException">Number, type or shape of the inputs is not the graph's.</exception>
    /// <exception cref="GraphException">A node does not fit what it meets, or refuses a value.</exception>
    public Tensor[] Forward(params IReadOnlyList<Tensor> inputs)
    {
        using var paused = Tape.Pause();
        return GraphModule.Run(Graph, inputs, _spent);
    }
}
