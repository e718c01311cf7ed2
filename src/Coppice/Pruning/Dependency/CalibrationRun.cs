using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

/// <summary>Runs a graph on calibration inputs and shows what its nodes read.</summary>
internal static class CalibrationRun
{
    /// <summary>Runs it on each set of inputs.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="inputs">Sets of the graph's inputs, each in its order; at least one.</param>
    /// <param name="see">Told each node with what it reads; tensors are gone after the run.</param>
    /// <exception cref="PruningException">There are no inputs.</exception>
    public static void Over(Graph graph, IEnumerable<IReadOnlyList<Tensor>> inputs, Action<Node, Tensor[]> see)
    {
        using var paused = Tape.Pause();
        var (runs, spent) = (0, GraphModule.SpentValues(graph));
        foreach (var given in inputs)
        {
            using var scope = new TensorScope();
            GraphModule.Run(graph, given, spent, (node, op, read) =>
            {
                see(node, read);
                return Op.Apply(op, read);
            });
            runs++;
        }
        if (runs == 0)
            throw NoInputs();
    }

    /// <summary>What to throw where there is nothing to run on.</summary>
    public static PruningException NoInputs() => new("There are no calibration inputs; give at least one.");
}
