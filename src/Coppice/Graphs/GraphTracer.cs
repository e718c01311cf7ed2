using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;

namespace Coppice.Graphs;

/// <summary>Makes a graph from a model by running it and writing down the ops, with gradients on or off.</summary>
/// <remarks>
/// The model runs several times: as the examples are, with each named axis twice as long, with all three times as long, each time with
/// other values. What differs tells how sizes follow from the inputs; where ops or constants differ, no graph is made.
/// docs/graphs.md tells why.
/// </remarks>
public static class GraphTracer
{
    /// <summary>The graph of a layer.</summary>
    /// <inheritdoc cref="Trace(Module, Func{IReadOnlyList{Tensor}, TraceOutputs}, IReadOnlyList{TraceInput})"/>
    public static Graph Trace(Layer model, TraceInput input) => Trace(model, inputs => model.Forward(inputs[0]), input);

    /// <summary>The graph of a function of a model, in the mode (training or evaluation) the model is in.</summary>
    /// <param name="model">The module whose parameters and buffers the function computes with.</param>
    /// <param name="forward">Computes the outputs from the inputs, with ops alone, the same ones whatever the inputs are.</param>
    /// <param name="inputs">Examples of the inputs.</param>
    /// <exception cref="GraphException">
    /// Part of the computation is not made of ops, or depends on the input in a way that a graph can't say; the message tells which.
    /// </exception>
    public static Graph Trace(Module model, Func<IReadOnlyList<Tensor>, TraceOutputs> forward, params IReadOnlyList<TraceInput> inputs)
    {
        var samples = new SampleSizes(SymbolsOf(inputs));
        using var paused = Tape.Pause();
        using var backup = new BufferBackup(model);
        var runs = new RecordedRun[samples.Count];
        for (var sample = 0; sample < runs.Length; sample++)
        {
            runs[sample] = Run(model, forward, inputs, sample, samples);
            if (runs[0].DifferenceFrom(runs[sample]) is { } difference)
                throw new GraphException($"{model.GetType().Name}: with {samples.Change(sample)}, {difference}");
        }
        return Build(model, inputs, samples, runs);
    }

    private static RecordedRun Run(
        Module model, Func<IReadOnlyList<Tensor>, TraceOutputs> forward, IReadOnlyList<TraceInput> inputs, int sample, SampleSizes samples)
    {
        using var scope = new TensorScope(); // what runs computed is not needed, and that of two large ones may not fit into memory
        using var tape = new Tape();
        Tensor[] tensors = [.. inputs.Select(input => input.Resized(samples[sample], sample))];
        using var layers = new RunningLayers(model);
        using var recording = new TraceRecording(Known(model, tensors), tape, layers);
        try
        {
            return recording.Finish(forward(tensors));
        }
        catch (Exception error) when (sample > 0 && error is ArgumentException or InvalidOperationException or OpException)
        {
            throw new GraphException($"{model.GetType().Name} does not run with {samples.Change(sample)}, which tells how sizes follow from "
                + $"the inputs: {error.Message} Give a smaller example, or don't name that axis.", error);
        }
    }

    private static Graph Build(Module model, IReadOnlyList<TraceInput> inputs, SampleSizes samples, RecordedRun[] runs)
    {
        var builder = new GraphBuilder(model, samples);
        var inputValues = inputs.Select(input => builder.Input(input.Name, input.Example.DType, input.Dims)).ToList();
        var values = new Value?[runs[0].Leaves.Count];
        for (var i = 0; i < runs[0].Ops.Count; i++)
        {
            var (op, layer, reads, writes) = runs[0].Ops[i];
            var outputs = builder.Apply(op, [.. reads.Select(Read)], SizesOf([.. runs.Select(run => run.Ops[i].Op)], samples), layer);
            for (var output = 0; output < writes.Length; output++)
                values[writes[output]] = outputs[output];
        }
        foreach (var (name, tensor) in runs[0].Outputs)
            builder.Output(name, Read(tensor));
        return builder.Build();

        Value Read(int tensor) => values[tensor] ??= runs[0].Leaves[tensor] switch
        {
            TraceLeaf.Input input => inputValues[input.Number],
            TraceLeaf.Stored parameter => builder.ValueOf(parameter.Name, parameter.Parameter),
            TraceLeaf.Buffer buffer => builder.BufferOf(buffer.Name, buffer.Owner, buffer.Key),
            TraceLeaf.Constant constant => builder.Constant(constant.Tensor),
            var leaf => throw new InvalidOperationException($"{leaf} is read before it is computed."),
        };
    }

    private static SymbolicDim[]? SizesOf(Op[] ops, SampleSizes samples)
    {
        if (ops[0] is not ISizedOp first)
            return null;
        var dims = new SymbolicDim[first.Sizes.Count];
        for (var i = 0; i < dims.Length; i++)
        {
            int[] values = [.. ops.Select(op => ((ISizedOp)op).Sizes[i])];
            dims[i] = SymbolicDim.Fit(samples, values) ?? throw new GraphException(
                $"{ops[0]}: its size {i} becomes {string.Join(", ", values[1..])} with "
                + $"{string.Join("; ", Enumerable.Range(1, values.Length - 1).Select(samples.Change))}. Only products of the inputs' sizes, and "
                + "one size with a factor and an offset, can be told; don't name that axis.");
        }
        return dims;
    }

    private static Dictionary<Tensor, TraceLeaf> Known(Module model, Tensor[] inputs)
    {
        var known = new Dictionary<Tensor, TraceLeaf>();
        for (var i = 0; i < inputs.Length; i++)
            known.Add(inputs[i], new TraceLeaf.Input(i));
        foreach (var (path, module) in model.NamedModules())
        {
            foreach (var (name, parameter) in module.Parameters)
                known.TryAdd(parameter.Value, new TraceLeaf.Stored(Module.Join(path, name), parameter)); // tied: the first name
            foreach (var (name, buffer) in module.Buffers)
                known.TryAdd(buffer, new TraceLeaf.Buffer(Module.Join(path, name), module, name));
        }
        return known;
    }

    private static Dictionary<string, int> SymbolsOf(IReadOnlyList<TraceInput> inputs)
    {
        var symbols = new Dictionary<string, int>();
        foreach (var input in inputs)
            for (var axis = 0; axis < input.Axes.Count; axis++)
                if (input.Axes[axis] is { } name && !symbols.TryAdd(name, input.Example.Shape[axis]) && symbols[name] != input.Example.Shape[axis])
                    throw new GraphException($"Input '{input.Name}': axis {axis}, '{name}', has size {input.Example.Shape[axis]}, but "
                        + $"{symbols[name]} in an input before it. Equal names mean equal sizes.");
        return symbols;
    }
}
