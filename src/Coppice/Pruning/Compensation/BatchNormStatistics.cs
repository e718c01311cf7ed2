using Coppice.Graphs;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Compensation;

/// <summary>Takes the running statistics of batch normalisations anew, for a model whose weights changed since.</summary>
public static class BatchNormStatistics
{
    /// <summary>Sets mean and variance of each normalisation of a graph to those of what it reads on calibration data, where all
    /// normalisations before it have their new ones.</summary>
    /// <remarks>All inputs run together, node by node, so that one pass is exact; memory grows with their number. The variance is divided
    /// by n - 1, as in PyTorch.</remarks>
    /// <param name="graph">Of the model as it is now, in evaluation.</param>
    /// <param name="inputs">Sets of its inputs, at least one.</param>
    /// <returns>How many normalisations there were.</returns>
    /// <exception cref="PruningException">There are no inputs.</exception>
    public static int Reestimate(Graph graph, IReadOnlyList<IReadOnlyList<Tensor>> inputs)
    {
        if (inputs.Count == 0)
            throw CalibrationRun.NoInputs();
        using var paused = Tape.Pause();
        var lastReaders = graph.Nodes.SelectMany(node => node.Inputs, (node, input) => (node, input))
            .GroupBy(entry => entry.input, entry => entry.node).ToDictionary(readers => readers.Key, readers => readers.Last());
        var values = graph.Inputs.Index().ToDictionary(input => (Value)input.Item, input => (Tensor[])[.. inputs.Select(given => given[input.Index])]);
        var sizes = GraphModule.SizesOf(graph, inputs[0]);
        var count = 0;
        foreach (var node in graph.Nodes)
        {
            if (node.Op is BatchNorm && node.Inputs[3] is StoredValue mean && node.Inputs[4] is StoredValue variance
                && IsOwn(mean) && IsOwn(variance))
            {
                Set(ConstantPlace.DataOf(mean), ConstantPlace.DataOf(variance), values[node.Inputs[0]]);
                count++;
            }
            foreach (var output in node.Outputs)
                values.Add(output, new Tensor[inputs.Count]);
            for (var i = 0; i < inputs.Count; i++)
                foreach (var (output, tensor) in node.Outputs.Zip(Op.Apply(node.OpAt(sizes),
                    [.. node.Inputs.Select(input => input is StoredValue stored ? stored.Tensor : values[input][i])])))
                    values[output][i] = tensor;
            foreach (var input in node.Inputs.Distinct().Where(input => lastReaders[input] == node))
                values.Remove(input);
        }
        return count;

        bool IsOwn(StoredValue statistic) => statistic is not ConstantValue && ConstantPlace.ReadersOf(statistic, graph).Count() == 1;
    }

    private static void Set(Tensor mean, Tensor variance, Tensor[] seen)
    {
        var moments = new ChannelMoments(checked((int)mean.Count), withProducts: false);
        foreach (var tensor in seen)
            moments.Add(tensor, axis: 1);
        var (means, variances) = (new float[mean.Count], new float[mean.Count]);
        var n = (double)moments.Count;
        for (var channel = 0; channel < means.Length; channel++)
        {
            var average = moments.Sums[channel] / n;
            means[channel] = (float)average;
            variances[channel] = (float)(Math.Max(0, moments.Squares[channel] / n - average * average) * n / Math.Max(1, n - 1));
        }
        mean.CopyFrom(Tensor.From<float>(means, mean.Shape));
        variance.CopyFrom(Tensor.From<float>(variances, mean.Shape));
    }
}
