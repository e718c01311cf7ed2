using Coppice.Checkpoints;
using Coppice.Checkpoints.Writing;
using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Onnx.Operators;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Pruning.Onnx;

/// <summary>An ONNX file opened to be made smaller: what of it must shrink together, and the smaller file.</summary>
/// <remarks>
/// The file's nodes stay as they are. Initializers are sliced, and the sizes that nodes carry are rewritten; vectors that an exporter
/// shared between nodes because they were equal get copies of their own. From where entries are chosen by value, as a detector chooses
/// boxes, nodes are neither analysed nor changed, and what they read keeps all its indices.
/// </remarks>
/// <example><code>
/// var pruning = OnnxPruning.Open("model.onnx");
/// var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
/// pruning.Save(removal, "smaller.onnx");
/// </code></example>
public sealed class OnnxPruning
{
    private const int UsualSize = 32;
    private const int MostSizes = 16;
    private const long Seed = 20;

    private readonly Dictionary<string, Value> _values;
    private readonly Dictionary<string, long[]> _numbers;
    private readonly IReadOnlyList<Tensor> _inputs;

    private OnnxPruning(string path, OnnxModule module, IReadOnlyList<Tensor> inputs, Trace trace, DependencyGraph dependencies)
    {
        (Path, Module, _inputs, Dependencies) = (path, module, inputs, dependencies);
        (Graph, _values, _numbers) = trace;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The model as it is, up to where entries are chosen by value.</summary>
    public OnnxModule Module { get; }

    /// <summary>Its computation on the example inputs.</summary>
    public Graph Graph { get; }

    /// <summary>What depends on what.</summary>
    public DependencyGraph Dependencies { get; }

    /// <summary>Reads a model and analyses it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inputs">
    /// Examples of its inputs, to run it on. Without them floats are random, whole numbers 0; an axis whose size the file leaves open has
    /// size 1 if it is the first, otherwise 32.
    /// </param>
    /// <exception cref="OnnxException">The file can't be read or run.</exception>
    /// <exception cref="GraphException">What it computes depends on values in a way that a graph can't say.</exception>
    public static OnnxPruning Open(string path, IReadOnlyList<Tensor>? inputs = null)
    {
        using var file = OnnxFile.Open(path);
        OwnInitializers.Give(file.Model);
        var part = StaticPart.Of(file.Model);
        var module = new OnnxModule(part, path) { HasFixedSizes = true };
        inputs ??= ExamplesFor(path, module);
        var trace = TraceOf(module, inputs);
        var pins = part.Graph!.Nodes.SelectMany(node => Pins(node, trace.Values))
            .Concat(file.Model.Graph!.Nodes.Except(part.Graph.Nodes).SelectMany(node => PinsBehind(node, trace.Values)));
        return new(path, module, inputs, trace, DependencyGraph.Of(trace.Graph, pins));
    }

    /// <summary>Writes the smaller model, once it was run and found to compute what the original does without what is removed.</summary>
    /// <param name="removal">What goes, of <see cref="Dependencies"/>.</param>
    /// <param name="output">The new file.</param>
    /// <param name="overwrite">Whether a file that is there may be replaced.</param>
    /// <returns>How the outputs compare.</returns>
    /// <exception cref="PruningException">They differ, or the smaller model does not run; nothing was written.</exception>
    /// <exception cref="CheckpointException">The output exists, or its folder does not.</exception>
    public Verification Save(Removal removal, string output, bool overwrite = false)
    {
        using var scope = new TensorScope();
        using var paused = Tape.Pause();
        using var place = new AtomicOutput(output, overwrite);
        Directory.CreateDirectory(place.Temporary);
        var (name, target) = (System.IO.Path.GetFileName(output), System.IO.Path.GetFullPath(output));
        var written = System.IO.Path.Combine(place.Temporary, name);
        var verification = WriteAndVerify(removal, written);
        if (File.Exists(written + ".data"))
            File.Move(written + ".data", target + ".data", overwrite: true);
        File.Move(written, target, overwrite);
        return verification;
    }

    private void Write(Removal removal, string path)
    {
        using var file = OnnxFile.Open(Path);
        OwnInitializers.Give(file.Model);
        var graph = file.Model.Graph!;
        foreach (var initializer in graph.Initializers)
            if (_values.GetValueOrDefault(initializer.Name ?? "") is { } value)
                Slice(graph, initializer, value, removal);
        new NodeSizes(file.Model, _values.GetValueOrDefault, removal).Rewrite();
        new ComputedSizes(file.Model, _values.GetValueOrDefault, removal, _numbers).Correct(_inputs, new(StaticPart.Of(file.Model), Path));
        graph.ValueInfos.Clear();
        OnnxFile.Save(file.Model, path);
    }

    private static void Slice(GraphProto graph, TensorProto initializer, Value value, Removal removal)
    {
        Tensor? tensor = null;
        for (var axis = 0; axis < value.SampleShape.Rank; axis++)
            if (removal.KeptOf(value, axis) is { } kept)
                tensor = AxisSelection.Select(tensor ?? initializer.Source().ToTensor(), axis, kept);
        if (tensor is null)
            return;
        initializer.SetData(TensorSource.From(initializer.Name!, tensor));
        if (graph.Inputs.Find(input => input.Name == initializer.Name)?.Type?.Tensor?.Shape is { } declared)
            foreach (var (axis, size) in initializer.Dims.Index())
                (declared.Dims[axis].Value, declared.Dims[axis].Param) = (size, null);
    }

    private Verification WriteAndVerify(Removal removal, string path)
    {
        var expected = new ReferenceRun(Dependencies, removal).Run(_inputs);
        try
        {
            Write(removal, path);
            using var file = OnnxFile.Open(path);
            var smaller = new OnnxModule(StaticPart.Of(file.Model), path);
            return Verification.Compare(Graph, expected, smaller.Forward(_inputs), removal.Normalized);
        }
        catch (OnnxException error)
        {
            throw new PruningException($"{Path} can't do without what would be removed, and nothing was written: {error.Message}", error);
        }
    }

    private static Trace TraceOf(OnnxModule module, IReadOnlyList<Tensor> inputs)
    {
        const string prefix = "value:";
        var numbers = new Dictionary<string, long[]>();
        var all = GraphTracer.Trace(module, Forward, [.. module.Inputs.Zip(inputs, (input, tensor) => new TraceInput(input.Name, tensor))]);
        var outputs = all.Outputs.Where(output => !output.Name.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        var graph = all.WithOutputs(outputs);
        var alive = graph.Values.ToHashSet();
        var values = all.Outputs.Where(output => output.Name.StartsWith(prefix, StringComparison.Ordinal) && alive.Contains(output.Value))
            .ToDictionary(output => output.Name[prefix.Length..], output => output.Value);
        foreach (var value in alive.OfType<BufferValue>())
            values[value.Name] = value;
        return new(graph, values, numbers);

        TraceOutputs Forward(IReadOnlyList<Tensor> tensors)
        {
            var named = new Dictionary<string, Tensor>();
            var results = module.Forward(tensors, (name, tensor) =>
            {
                if (tensor.DType == DType.F32 && name.Length > 0)
                    named[prefix + name] = tensor;
                else if (!tensor.DType.IsFloatingPoint() && tensor.Count <= MostSizes)
                    numbers.TryAdd(name, OperatorCall.ValuesOf(tensor));
            });
            foreach (var (output, tensor) in module.Outputs.Zip(results))
                named[output.Name] = tensor;
            return named;
        }
    }

    /// <summary>Axes of which the file's own operators need every index, though the ops that they become do not.</summary>
    private static IEnumerable<(Value Value, int Axis, string Reason)> Pins(NodeProto node, Dictionary<string, Value> values)
    {
        var squares = node.OpType switch { "DepthToSpace" => node.Outputs[0], "SpaceToDepth" => node.Inputs[0], _ => "" };
        if (values.TryGetValue(squares, out var value))
            for (var axis = 2; axis < value.SampleShape.Rank; axis++)
                yield return (value, axis, $"{node}: it takes whole blocks");
    }

    /// <summary>What is read where entries were chosen by value.</summary>
    private static IEnumerable<(Value Value, int Axis, string Reason)> PinsBehind(NodeProto node, Dictionary<string, Value> values) =>
        from name in StaticPart.Reads(node)
        where values.ContainsKey(name)
        from axis in Enumerable.Range(0, values[name].SampleShape.Rank)
        select (values[name], axis, $"{node}: it computes with what was chosen by value");

    private static List<Tensor> ExamplesFor(string path, OnnxModule module)
    {
        var random = new RandomSource(Seed);
        return [.. module.Inputs.Select(input => Example(path, input, random))];
    }

    private static Tensor Example(string path, OnnxValue input, RandomSource random)
    {
        if (input.Dims is null || input.DType is not { } dtype)
            throw new OnnxException(path, $"input '{input.Name}' says neither type nor number of axes", "Give an example of it.");
        var sizes = input.Dims.Select((dim, axis) => dim.Value is > 0 ? checked((int)dim.Value.Value) : axis == 0 ? 1 : UsualSize);
        var example = Tensor.Zeros(Shape.Create([.. sizes]));
        if (dtype.IsFloatingPoint())
            foreach (ref var value in example.AsSpan<float>())
                value = 2 * random.NextSingle() - 1;
        return example.Cast(dtype);
    }

    /// <summary>A traced file.</summary>
    /// <param name="Graph">Its graph.</param>
    /// <param name="Values">Values of the graph by their names in the file, weights too.</param>
    /// <param name="Numbers">Small tensors of whole numbers by their names, as they are for the example inputs.</param>
    private sealed record Trace(Graph Graph, Dictionary<string, Value> Values, Dictionary<string, long[]> Numbers);
}
