using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Onnx;

/// <summary>An ONNX file opened to be made smaller: what of it must shrink together, and the smaller file.</summary>
/// <remarks>
/// The file's nodes stay as they are, but for channel shuffles and grouped convolutions where more can go with others in place of them.
/// Initializers are sliced, and the sizes that nodes carry are rewritten; vectors that an exporter shared between nodes because they were equal
/// get copies of their own. Models of F16, BF16 and F64 are analysed and compared in F32; the file keeps its types.
/// Where entries are chosen by value, as a detector chooses boxes,
/// the model is analysed with what it chooses for the example inputs. If it can't be run or followed there, nodes behind the choice
/// are neither analysed nor changed, and what they read keeps all its indices.
/// </remarks>
/// <example><code>
/// var pruning = OnnxPruning.Open("model.onnx");
/// var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
/// pruning.Save(removal, "smaller.onnx");
/// </code></example>
public sealed class OnnxPruning
{
    private const long Seed = 20;

    private readonly FileValues _values;
    private readonly Choices _choices;
    private readonly FilePreparation _preparation;

    private OnnxPruning(string path, TracedModel traced, IReadOnlyList<Tensor> inputs, FileValues values, Choices choices,
        FilePreparation preparation, DependencyGraph dependencies)
    {
        (Path, Traced, Inputs, Dependencies) = (path, traced, inputs, dependencies);
        (_values, _choices, _preparation) = (values, choices, preparation);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The model as it is; up to where entries are chosen by value if it can't be followed behind.</summary>
    public OnnxModule Module => (OnnxModule)Traced.Module;

    /// <summary>Its computation on the example inputs. What it chooses by value is constant there, and what it chooses from is an output.</summary>
    public Graph Graph => Traced.Graph;

    /// <summary>The model with its computation.</summary>
    public TracedModel Traced { get; }

    /// <summary>What outputs are compared on.</summary>
    public IReadOnlyList<Tensor> Inputs { get; }

    /// <summary>What depends on what.</summary>
    public DependencyGraph Dependencies { get; }

    private SmallerFile Smaller => new(this, _values, _choices, _preparation);

    /// <summary>Residual blocks that can be left out, by the names of their sums in the file.</summary>
    public IReadOnlyList<ResidualBlock> Blocks => field ??= new FileBlocks(Module.Graph, _values).Named(ResidualBlocks.Find(Graph));

    /// <summary>Reads a model and analyses it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inputs">Examples of its inputs, to run it on; without them those of <see cref="OnnxExamples"/>.</param>
    /// <exception cref="OnnxException">The file can't be read or run.</exception>
    /// <exception cref="GraphException">What it computes depends on values in a way that a graph can't say.</exception>
    public static OnnxPruning Open(string path, IReadOnlyList<Tensor>? inputs = null) =>
        inputs is null ? Open(path, new Dictionary<string, Shape>()) : Open(path, _ => inputs, traced => inputs);

    /// <summary>The same on random inputs of given sizes. Where parts have no entries on the usual ones, images of twice the side are tried.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="sizes">Axis sizes of some inputs, by name; the others are those of <see cref="OnnxExamples"/>.</param>
    /// <param name="seed">Of the random values.</param>
    /// <inheritdoc cref="Open(string, IReadOnlyList{Tensor})" path="/exception"/>
    public static OnnxPruning Open(string path, IReadOnlyDictionary<string, Shape> sizes, long seed = Seed)
    {
        var usual = Of(sizes);
        return usual.CountUnseen() > 0 && OnnxExamples.Larger(usual.Module, sizes, usual.Inputs) is { } larger
            && Of(larger) is var other && other.CountUnseen() < usual.CountUnseen() ? other : usual;

        OnnxPruning Of(IReadOnlyDictionary<string, Shape> given) =>
            Open(path, module => OnnxExamples.Of(module, given, seed), traced => traced.RandomInputs(seed));
    }

    private static OnnxPruning Open(string path, Func<OnnxModule, IReadOnlyList<Tensor>> examplesOf,
        Func<TracedModel, IReadOnlyList<Tensor>> inputsOf)
    {
        var best = Analysed(FilePreparation.None);
        var shuffles = best.Shuffles;
        if (!shuffles.IsEmpty)
            best = best.OrSmaller(Analysed(new(shuffles, ConvolutionGroups.None)));
        if (!best.Groups.IsEmpty)
            best = best.OrSmaller(Analysed(new(shuffles, best.Groups)));
        return best.Pruning;

        Analysis Analysed(FilePreparation preparation)
        {
            using var file = OnnxFile.Open(path);
            var lists = preparation.Apply(new(file.Model));
            var pruning = FarthestOf(path, file.Model, examplesOf, inputsOf, preparation, lists);
            return new(pruning, ChannelShuffles.In(file.Model, pruning._values), ConvolutionGroups.In(file.Model, pruning.Dependencies));
        }
    }

    /// <summary>How many parts have no entries on the example inputs, though they read what can be cut.</summary>
    private int CountUnseen() => UncheckedParts.Of(Graph, value => Dependencies.TermsOf(value).Any(term => term.Leaves()
        .Any(leaf => leaf is { Pinned: null } and ({ Size: > 1 } or { Whole: not null })))).Count;

    /// <summary>The whole model, or the part before its choices where what is behind can't be run or followed.</summary>
    private static OnnxPruning FarthestOf(string path, ModelProto model, Func<OnnxModule, IReadOnlyList<Tensor>> examplesOf,
        Func<TracedModel, IReadOnlyList<Tensor>> inputsOf, FilePreparation preparation, IReadOnlySet<string> lists)
    {
        var part = StaticPart.Of(model);
        if (part == model)
            return Of(model, "");
        try
        {
            return Of(model, "");
        }
        catch (Exception error) when (error is OnnxException or GraphException or PruningException)
        {
            return Of(part, $", and can't be followed there ({error.Message.TrimEnd('.')})");
        }

        OnnxPruning Of(ModelProto analysed, string why)
        {
            var module = new OnnxModule(analysed, path, inSingle: true) { HasFixedSizes = true };
            var examples = examplesOf(module);
            var choices = analysed == part ? Choices.None : Choices.Of(module, examples);
            var (graph, values) = FileTrace.Of(module, examples, choices);
            var traced = new TracedModel("onnx", module, graph, inputs => module.Forward(inputs)) { Settings = SettingsIn(module, examples) };
            var pins = values.Pins(model.Graph!, analysed.Graph!, why).Concat(ChosenAxes(graph, choices));
            var dependencies = DependencyGraph.Of(graph, pins, values.Ties(analysed.Graph!),
                node => node.Op is Gather && node.Inputs[1] is BufferValue list && lists.Contains(list.Name));
            return new(path, traced, choices == Choices.None ? inputsOf(traced) : examples, values, choices, preparation, dependencies);
        }
    }

    private static Dictionary<string, Tensor> SettingsIn(OnnxModule module, IReadOnlyList<Tensor> examples) => module.Inputs.Zip(examples)
        .Where(entry => entry.Second.Shape.Rank == 0 && !entry.Second.DType.IsFloatingPoint())
        .ToDictionary(entry => entry.First.Name, entry => entry.Second);

    /// <summary>Writes the smaller model, once it was run and found to compute what the original does without what is removed.</summary>
    /// <param name="removal">What goes, of <see cref="Dependencies"/>.</param>
    /// <param name="output">The new file.</param>
    /// <param name="overwrite">Whether a file that is there may be replaced.</param>
    /// <param name="compensation">What the smaller model gets once it was verified; null for nothing. Layers without a place for constants get
    /// a bias if it was made with <c>addsBiases</c>.</param>
    /// <returns>How the outputs compare, before compensation.</returns>
    /// <exception cref="VerificationException">They differ, or the smaller model does not run; nothing was written.</exception>
    /// <exception cref="CheckpointException">The output exists, would replace the input or its weights, or its folder does not exist.</exception>
    public Verification Save(Removal removal, string output, bool overwrite = false, PreparedCompensation? compensation = null) =>
        Place(output, overwrite, path => Smaller.WriteAndVerify(removal, compensation, path));

    /// <summary>Writes the model without some of its residual blocks, once it was run and found to compute what the original does where these
    /// blocks add zeros. What is left keeps its names.</summary>
    /// <param name="blocks">Which of <see cref="Blocks"/> go.</param>
    /// <param name="output">The new file.</param>
    /// <param name="overwrite">Whether a file that is there may be replaced.</param>
    /// <param name="compensation">What the smaller model gets once it was verified; null for nothing.</param>
    /// <returns>How the outputs compare, before compensation.</returns>
    /// <exception cref="VerificationException">The outputs differ, or the smaller model does not run; nothing was written.</exception>
    /// <exception cref="CheckpointException">The output exists, would replace the input or its weights, or its folder does not exist.</exception>
    public Verification Save(IReadOnlyList<ResidualBlock> blocks, string output, bool overwrite = false,
        PreparedCompensation? compensation = null) => Place(output, overwrite, path => Smaller.WriteAndVerify(blocks, compensation, path));

    /// <summary>Makes the smaller model as <see cref="Save(Removal, string, bool, PreparedCompensation?)"/> does and compares it, but leaves no
    /// file.</summary>
    /// <exception cref="VerificationException">The outputs differ, or the smaller model does not run.</exception>
    public Verification Verify(Removal removal, PreparedCompensation? compensation = null) =>
        InPassing(path => Smaller.WriteAndVerify(removal, compensation, path));

    /// <summary>Makes the smaller model as <see cref="Save(IReadOnlyList{ResidualBlock}, string, bool, PreparedCompensation?)"/> does and compares it, but leaves no
    /// file.</summary>
    /// <exception cref="VerificationException">The outputs differ, or the smaller model does not run.</exception>
    public Verification Verify(IReadOnlyList<ResidualBlock> blocks, PreparedCompensation? compensation = null) =>
        InPassing(path => Smaller.WriteAndVerify(blocks, compensation, path));

    private Verification Place(string output, bool overwrite, Func<string, Verification> write)
    {
        using (var file = OnnxFile.Open(Path))
            file.RefuseAsOutput(output);
        return OnnxFile.Place(output, overwrite, write);
    }

    private static Verification InPassing(Func<string, Verification> write)
    {
        using var folder = new TemporaryFolder();
        return write(folder["pruned.onnx"]);
    }

    /// <summary>Writes a smaller model again that was verified before; its values are others.</summary>
    /// <param name="removal">What goes, of <see cref="Dependencies"/>.</param>
    /// <param name="output">The new file.</param>
    /// <param name="biases">What layers got then; they are zeros.</param>
    internal void Write(Removal removal, string output, IReadOnlyList<AddedBias> biases) => Smaller.Write(removal, output, biases);

    /// <summary>The same of a model without residual blocks.</summary>
    /// <param name="blocks">Which of <see cref="Blocks"/> went.</param>
    /// <param name="output">The new file.</param>
    internal void Write(IReadOnlyList<ResidualBlock> blocks, string output) => Smaller.Write(blocks, output);

    /// <summary>Axes whose entries are chosen.</summary>
    private static IEnumerable<(Value Value, int Axis, string Reason)> ChosenAxes(Graph graph, Choices choices) =>
        from node in graph.Nodes
        where node.Op is Gather && node.Inputs[1] is ConstantValue constant && choices.Contains(constant.Tensor)
        select (node.Inputs[0], ((Gather)node.Op).Axis, "its entries are chosen by value");

    /// <summary>A file as it was analysed, and what could be done to its nodes first.</summary>
    private sealed record Analysis(OnnxPruning Pruning, ChannelShuffles Shuffles, ConvolutionGroups Groups)
    {
        private readonly long _parametersAtHalf = ParametersAtHalf(Pruning.Dependencies);

        /// <summary>Of two the one that leaves fewer parameters at half width.</summary>
        public Analysis OrSmaller(Analysis other) => other._parametersAtHalf < _parametersAtHalf ? other : this;

        private static long ParametersAtHalf(DependencyGraph dependencies)
        {
            var removal = new Removal(dependencies);
            foreach (var group in dependencies.Groups)
                removal.Remove(group, Enumerable.Range(0, group.Size / 2));
            return GroupPruning.CostAfter(dependencies, removal).Parameters;
        }
    }
}
