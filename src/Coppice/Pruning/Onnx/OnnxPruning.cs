using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Onnx.Operators;
using Coppice.Pruning.Compensation;
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
    private const int MostSizes = 16;
    private const long Seed = 20;

    private readonly FileValues _values;

    private OnnxPruning(string path, TracedModel traced, IReadOnlyList<Tensor> inputs, FileValues values,
        DependencyGraph dependencies)
    {
        (Path, Traced, Inputs, _values, Dependencies) = (path, traced, inputs, values, dependencies);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The model as it is, up to where entries are chosen by value.</summary>
    public OnnxModule Module => (OnnxModule)Traced.Module;

    /// <summary>Its computation on the example inputs.</summary>
    public Graph Graph => Traced.Graph;

    /// <summary>The model with its computation.</summary>
    public TracedModel Traced { get; }

    /// <summary>What outputs are compared on.</summary>
    public IReadOnlyList<Tensor> Inputs { get; }

    /// <summary>What depends on what.</summary>
    public DependencyGraph Dependencies { get; }

    /// <summary>Reads a model and analyses it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inputs">Examples of its inputs, to run it on; without them those of <see cref="OnnxExamples"/>.</param>
    /// <exception cref="OnnxException">The file can't be read or run.</exception>
    /// <exception cref="GraphException">What it computes depends on values in a way that a graph can't say.</exception>
    public static OnnxPruning Open(string path, IReadOnlyList<Tensor>? inputs = null) =>
        inputs is null ? Open(path, new Dictionary<string, Shape>()) : Open(path, _ => inputs, traced => inputs);

    /// <summary>The same on random inputs of given sizes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="sizes">Axis sizes of some inputs, by name; the others are those of <see cref="OnnxExamples"/>.</param>
    /// <param name="seed">Of the random values.</param>
    /// <inheritdoc cref="Open(string, IReadOnlyList{Tensor})" path="/exception"/>
    public static OnnxPruning Open(string path, IReadOnlyDictionary<string, Shape> sizes, long seed = Seed) =>
        Open(path, module => OnnxExamples.Of(module, sizes, seed), traced => traced.RandomInputs(seed));

    private static OnnxPruning Open(string path, Func<OnnxModule, IReadOnlyList<Tensor>> examplesOf,
        Func<TracedModel, IReadOnlyList<Tensor>> inputsOf)
    {
        using var file = OnnxFile.Open(path);
        OwnInitializers.Give(file.Model);
        var part = StaticPart.Of(file.Model);
        var module = new OnnxModule(part, path) { HasFixedSizes = true };
        var examples = examplesOf(module);
        var (graph, values) = Trace(module, examples);
        var traced = new TracedModel("onnx", module, graph, inputs => module.Forward(inputs));
        var pins = values.Pins(file.Model.Graph!, part.Graph!);
        return new(path, traced, inputsOf(traced), values, DependencyGraph.Of(graph, pins));
    }

    /// <summary>Writes the smaller model, once it was run and found to compute what the original does without what is removed.</summary>
    /// <param name="removal">What goes, of <see cref="Dependencies"/>.</param>
    /// <param name="output">The new file.</param>
    /// <param name="overwrite">Whether a file that is there may be replaced.</param>
    /// <param name="compensation">What the smaller model gets once it was verified; null for nothing. Layers without a place for constants get
    /// a bias if it was made with <c>addsBiases</c>.</param>
    /// <returns>How the outputs compare, before compensation.</returns>
    /// <exception cref="VerificationException">They differ, or the smaller model does not run; nothing was written.</exception>
    /// <exception cref="CheckpointException">The output exists, is the input, or its folder does not exist.</exception>
    public Verification Save(Removal removal, string output, bool overwrite = false, PreparedCompensation? compensation = null)
    {
        if (Checkpoint.RealPath(output) == Checkpoint.RealPath(Path))
            throw new CheckpointException(output, "the output is the input itself", "Choose another name.");
        return OnnxFile.Place(output, overwrite, path => WriteAndVerify(removal, compensation, path));
    }

    /// <summary>Makes the smaller model as <see cref="Save"/> does and compares it, but leaves no file.</summary>
    /// <exception cref="VerificationException">The outputs differ, or the smaller model does not run.</exception>
    public Verification Verify(Removal removal, PreparedCompensation? compensation = null)
    {
        var folder = Directory.CreateTempSubdirectory("coppice-");
        try
        {
            return WriteAndVerify(removal, compensation, System.IO.Path.Combine(folder.FullName, "pruned.onnx"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private void Write(OnnxFile file, Removal removal, PreparedCompensation? compensation, string path)
    {
        OwnInitializers.Give(file.Model);
        var graph = file.Model.Graph!;
        foreach (var initializer in graph.Initializers)
            if (_values.Find(new(graph), initializer.Name ?? "") is { } value)
                Slice(graph, initializer, value, removal);
        NodeSizes.Rewrite(file.Model, _values, removal);
        new ComputedSizes(file.Model, _values, removal).Correct(Inputs, new(StaticPart.Of(file.Model), path));
        compensation?.Inputs?.AddBiases((weight, outputs) => NewBias.Add(file.Model, weight, outputs));
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

    private Verification WriteAndVerify(Removal removal, PreparedCompensation? compensation, string path)
    {
        using var scope = new TensorScope();
        using var paused = Tape.Pause();
        var expected = new ReferenceRun(Dependencies, removal).Run(Inputs);
        try
        {
            using var smaller = OnnxFile.Open(Path);
            Write(smaller, removal, compensation, path);
            var verification = Compare(path, expected, removal.Normalized);
            if (compensation is not null)
                CarryOut(compensation, smaller.Model, path);
            return verification;
        }
        catch (OnnxException error)
        {
            var problem = error.Message.Replace($"{path}: ", "", StringComparison.Ordinal);
            throw new VerificationException($"{Path} can't do without what would be removed, and nothing was written: {problem}", error);
        }
    }

    private Verification Compare(string path, IReadOnlyList<Tensor> expected, IReadOnlyList<string> normalized)
    {
        using var file = OnnxFile.Open(path);
        var actual = OnnxSequence.Spread(new OnnxModule(StaticPart.Of(file.Model), path).Forward(Inputs).Select(tensor => ("", tensor)));
        return Verification.Compare(Graph, expected, [.. actual.Select(output => output.Value)], normalized);
    }

    /// <summary>Writes a file that was verified again, with other values in the same places.</summary>
    private void CarryOut(PreparedCompensation compensation, ModelProto model, string path)
    {
        var module = new OnnxModule(StaticPart.Of(model), path) { HasFixedSizes = true };
        compensation.CarryOut(Trace(module, Inputs).Graph);
        foreach (var initializer in model.Graph!.Initializers)
            if (module.Parameters.TryGetValue(initializer.Name!, out var parameter)
                && !parameter.Data.AsReadOnlySpan<float>().SequenceEqual(initializer.Source().ToTensor().AsReadOnlySpan<float>()))
                initializer.SetData(TensorSource.From(initializer.Name!, parameter.Data));
        OnnxFile.Save(model, path, overwrite: true);
    }

    /// <summary>The graph, and its values by their names in the file, weights too.</summary>
    private static (Graph Graph, FileValues Values) Trace(OnnxModule module, IReadOnlyList<Tensor> inputs)
    {
        const string prefix = "value:";
        var (numbers, seen) = (new Dictionary<string, long[]>(), new HashSet<string>());
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
            var results = module.Forward(tensors, (name, tensor) =>
            {
                seen.Add(name);
                if (tensor.DType == DType.F32)
                    named[prefix + name] = tensor;
                else if (!tensor.DType.IsFloatingPoint() && tensor.Count <= MostSizes)
                    numbers.TryAdd(name, OperatorCall.ValuesOf(tensor));
            });
            foreach (var (name, tensor) in OnnxSequence.Spread(module.Outputs.Zip(results, (output, tensor) => (output.Name, tensor))))
                named[name] = tensor;
            return named;
        }
    }
}
