using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Onnx.Operators;
using Coppice.Tensors;

namespace Coppice.Pruning.Onnx;

/// <summary>Makes a graph of what a file computes.</summary>
internal static class FileTrace
{
    private const int MostSizes = 16;

    /// <summary>Runs it on examples with given choices. The graph, and its values by their names in the file, weights too.</summary>
    public static (Graph Graph, FileValues Values) Of(OnnxModule module, IReadOnlyList<Tensor> inputs, Choices choices)
    {
        const string prefix = "value:";
        var (numbers, seen, constants) = (new Dictionary<string, long[]>(), new HashSet<string>(), module.InnerConstants.ToHashSet());
        var all = GraphTracer.Trace(module, Forward, [.. module.Inputs.Zip(inputs, (input, tensor) => new TraceInput(input.Name, tensor))]);
        var outputs = all.Outputs.Where(output => !output.Name.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        var graph = all.WithOutputs(outputs);
        var alive = graph.Values.ToHashSet();
        var values = all.Outputs.Where(output => output.Name.StartsWith(prefix, StringComparison.Ordinal) && alive.Contains(output.Value))
            .ToDictionary(output => output.Name[prefix.Length..], output => output.Value);
        foreach (var value in alive.OfType<BufferValue>())
            values[value.Name] = value;
        return (graph, new(values, numbers, seen));

        TraceOutputs Forward(IReadOnlyList<Tensor> tensors)
        {
            var named = new Dictionary<string, Tensor>();
            var run = choices.Repeat();
            var results = module.Forward(tensors, Watch, revise: run.Revise, recycles: true);
            foreach (var (name, tensor) in module.Named(results))
                if (!choices.Contains(tensor))
                    named[name] = tensor;
            foreach (var (name, tensor) in run.Read)
                named[name] = tensor;
            return named;

            void Watch(string name, Tensor tensor)
            {
                seen.Add(name);
                if (tensor.DType.IsFloatingPoint() && !constants.Contains(tensor))
                    named[prefix + name] = tensor;
                else if (!tensor.DType.IsFloatingPoint() && tensor.Count <= MostSizes)
                    numbers.TryAdd(name, OperatorCall.ValuesOf(tensor));
            }
        }
    }
}
