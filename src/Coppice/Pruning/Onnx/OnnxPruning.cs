using Coppice.Checkpoints;
using Coppice.Checkpoints.Writing;
using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Pruning.Onnx;

/// <summary>An ONNX file opened to be made smaller: what of it must shrink together, and the smaller file.</summary>
/// <remarks>
/// The file's nodes stay as they are. Initializers are sliced, and the sizes that nodes carry are rewritten; vectors that an exporter
/// shared between nodes because they were equal get copies of their own.
/// </remarks>
/// <example><code>
/// var pruning = OnnxPruning.Open("model.onnx");
/// var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
/// pruning.Save(removal, "smaller.onnx");
/// </code></example>
public sealed class OnnxPruning
{
    private const int UsualSize = 32, LongSize = 512;
    private const long Seed = 20;

    private readonly FileValues _values;
    private readonly IReadOnlyList<Tensor> _inputs;

    private OnnxPruning(string path, OnnxModule module, IReadOnlyList<Tensor> inputs, Graph graph, FileValues values,
        DependencyGraph dependencies)
    {
        (Path, Module, _inputs, Graph, _values, Dependencies) = (path, module, inputs, graph, values, dependencies);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The model as it is.</summary>
    public OnnxModule Module { get; }

    /// <summary>Its computation on the example inputs.</summary>
    public Graph Graph { get; }

    /// <summary>What depends on what.</summary>
    public DependencyGraph Dependencies { get; }

    /// <summary>Reads a model and analyses it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inputs">
    /// Examples of its inputs, to run it on. Without them floats are random, whole numbers 0; an axis whose size the file leaves open has
    /// size 1 if it is the first, otherwise 32, or 512 where the model does not run on 32 (signals of speech models are longer).
    /// </param>
    /// <exception cref="OnnxException">The file can't be read or run.</exception>
    /// <exception cref="GraphException">What it computes depends on values in a way that a graph can't say.</exception>
    public static OnnxPruning Open(string path, IReadOnlyList<Tensor>? inputs = null)
    {
        using var file = OnnxFile.Open(path);
        OwnInitializers.Give(file.Model);
        var module = new OnnxModule(file);
        inputs ??= ExamplesFor(path, module);
        var (graph, values) = Trace(module, inputs);
        return new(path, module, inputs, graph, values, DependencyGraph.Of(graph, values.Pins(new(file.Model.Graph!))));
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
        Write(removal, written);
        var verification = Verify(removal, written);
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
            if (_values.Find(new(graph), initializer.Name ?? "") is { } value)
                Slice(graph, initializer, value, removal);
        NodeSizes.Rewrite(file.Model, _values, removal);
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

    private Verification Verify(Removal removal, string path)
    {
        var expected = new ReferenceRun(Dependencies, removal).Run(_inputs);
        try
        {
            using var file = OnnxFile.Open(path);
            return Verification.Compare(Graph, expected, new OnnxModule(file).Forward(_inputs), removal.Normalized);
        }
        catch (OnnxException error)
        {
            throw new PruningException($"{Path} can't do without what would be removed, and nothing was written: {error.Message}", error);
        }
    }

    /// <summary>The graph, and its values by their names in the file, weights too.</summary>
    private static (Graph Graph, FileValues Values) Trace(OnnxModule module, IReadOnlyList<Tensor> inputs)
    {
        const string prefix = "value:";
        var seen = new HashSet<string>();
        var all = GraphTracer.Trace(module, Forward, [.. module.Inputs.Zip(inputs, (input, tensor) => new TraceInput(input.Name, tensor))]);
        var outputs = all.Outputs.Where(output => !output.Name.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        var graph = all.WithOutputs(outputs);
        var alive = graph.Values.ToHashSet();
        var values = all.Outputs.Where(output => output.Name.StartsWith(prefix, StringComparison.Ordinal) && alive.Contains(output.Value))
            .ToDictionary(output => output.Name[prefix.Length..], output => output.Value);
        foreach (var value in alive.OfType<BufferValue>())
            values[value.Name] = value;
        return (graph, new(values, seen));

        TraceOutputs Forward(IReadOnlyList<Tensor> tensors)
        {
            var named = new Dictionary<string, Tensor>();
            var results = module.Forward(tensors, (name, tensor) =>
            {
                seen.Add(name);
                if (tensor.DType == DType.F32)
                    named[prefix + name] = tensor;
            });
            foreach (var (output, tensor) in module.Outputs.Zip(results))
                named[output.Name] = tensor;
            return named;
        }
    }

    private static bool Runs(OnnxModule module, IReadOnlyList<Tensor> inputs)
    {
        using var scope = new TensorScope();
        using var paused = Tape.Pause();
        try
        {
            module.Forward(inputs);
            return true;
        }
        catch (OnnxException)
        {
            return false; // Open runs it on longer inputs, and that failure is the caller's
        }
    }

    private static List<Tensor> ExamplesFor(string path, OnnxModule module)
    {
        var usual = Examples(UsualSize);
        return Runs(module, usual) ? usual : Examples(LongSize);

        List<Tensor> Examples(int size)
        {
            var random = new RandomSource(Seed);
            return [.. module.Inputs.Select(input => Example(path, input, size, random))];
        }
    }

    private static Tensor Example(string path, OnnxValue input, int size, RandomSource random)
    {
        if (input.Dims is null || input.DType is not { } dtype)
            throw new OnnxException(path, $"input '{input.Name}' says neither type nor number of axes", "Give an example of it.");
        var sizes = input.Dims.Select((dim, axis) => dim.Value is > 0 ? checked((int)dim.Value.Value) : axis == 0 ? 1 : size);
        var example = Tensor.Zeros(Shape.Create([.. sizes]));
        if (dtype.IsFloatingPoint())
            foreach (ref var value in example.AsSpan<float>())
                value = 2 * random.NextSingle() - 1;
        return example.Cast(dtype);
    }
}
