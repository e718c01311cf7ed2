using Coppice.Models;
using Coppice.Models.Bert;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Graphs;

/// <summary>A model with its graph and the forward pass it was traced from, for one example.</summary>
/// <param name="Kind">The family or architecture: <c>gpt2</c>, <c>resnet20</c>.</param>
/// <param name="Module">The model.</param>
/// <param name="Graph">Its computation for a batch of one.</param>
/// <param name="Forward">Its forward pass.</param>
public sealed record TracedModel(string Kind, Module Module, Graph Graph, Func<IReadOnlyList<Tensor>, TraceOutputs> Forward)
{
    /// <summary>Inputs that say how the model shall compute, such as a sample rate: random inputs have these values for them.</summary>
    public IReadOnlyDictionary<string, Tensor> Settings { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>Tokens that a text model is traced with where nothing else is asked for, or its longest sequence.</summary>
    public const int UsualSteps = 64;

    /// <summary>Traces a text model on token ids I64 [1, steps], without padding.</summary>
    /// <param name="model">A model of a folder.</param>
    /// <param name="steps">Tokens; null for <see cref="UsualSteps"/>.</param>
    /// <exception cref="GraphException">It can't be traced.</exception>
    public static TracedModel Of(PretrainedModel model, int? steps = null) => OfText(model.ModelType, model.Module, model.Folder, steps);

    /// <summary>Traces a text model that was opened from a folder.</summary>
    internal static TracedModel OfText(string kind, Module module, string folder, int? steps = null)
    {
        var (forward, longest) = ForwardOf(module, folder);
        if (steps > longest || steps < 1)
            throw new GraphException($"{folder} sees 1 to {longest} tokens; {steps} are asked for.");
        return Trace(kind, module, forward, new TraceInput("ids", Tensor.Zeros([1, steps ?? Math.Min(UsualSteps, longest)], DType.I64)));
    }

    /// <summary>Traces an image classifier on an image F32 [1, channels, size, size].</summary>
    /// <param name="model">A model of a file.</param>
    /// <param name="size">Height and width; null for the architecture's.</param>
    /// <exception cref="GraphException">It can't be traced.</exception>
    public static TracedModel Of(PretrainedVisionModel model, int? size = null) =>
        OfImages(model.ArchitectureName, model.Classifier, model.Architecture, size);

    /// <summary>Traces a classifier of an architecture.</summary>
    internal static TracedModel OfImages(string kind, ImageClassifier classifier, VisionArchitecture architecture, int? size = null) =>
        Trace(kind, classifier, inputs => classifier.Forward(inputs[0]), new TraceInput("images", BlankImages(1, architecture, size)));

    /// <summary>Random inputs: ids that the model has embeddings for, values around 0, zeros and ones for an <c>attention_mask</c>; 1 for other
    /// whole numbers that name no embedding; <see cref="Settings"/> as they are.</summary>
    /// <param name="seed">Seed of the numbers.</param>
    /// <param name="sizes">Sizes of the graph's symbols; null for those of its examples.</param>
    public IReadOnlyList<Tensor> RandomInputs(long seed, IReadOnlyDictionary<string, int>? sizes = null)
    {
        var random = new RandomSource(seed);
        return [.. Graph.Inputs.Select(input => Settings.GetValueOrDefault(input.Name) ?? RandomInput(
            input, Shape.Create([.. input.Dims.Select(dim => dim.Evaluate(sizes ?? Graph.Symbols))]), random))];
    }

    private Tensor RandomInput(InputValue input, Shape shape, RandomSource random) => input.DType switch
    {
        DType.I64 => Ids(input, shape, random),
        var dtype when dtype.IsFloatingPoint() => Values(shape, random).Cast(dtype),
        var other => Tensor.Full(shape, 1).Cast(other),
    };

    /// <summary>Traces a forward pass on examples of its inputs.</summary>
    internal static TracedModel Trace(
        string kind, Module module, Func<IReadOnlyList<Tensor>, TraceOutputs> forward, params IReadOnlyList<TraceInput> inputs)
    {
        using var scope = new TensorScope();
        return new(kind, module, GraphTracer.Trace(module, forward, inputs), forward);
    }

    /// <summary>Images of zeros for an architecture.</summary>
    /// <param name="count">How many.</param>
    /// <param name="architecture">What takes them.</param>
    /// <param name="size">Height and width; null for the architecture's.</param>
    /// <exception cref="GraphException">They would have no pixels.</exception>
    internal static Tensor BlankImages(int count, VisionArchitecture architecture, int? size)
    {
        var side = size ?? architecture.Size;
        return side >= 1 ? Tensor.Zeros([count, architecture.Channels, side, side])
            : throw new GraphException($"An image of {side} x {side} pixels is none.");
    }

    private static (Func<IReadOnlyList<Tensor>, TraceOutputs> Forward, int Longest) ForwardOf(Module module, string folder) => module switch
    {
        ICausalLanguageModel language => (inputs => language.Forward(inputs[0]), language.MaxPositions),
        ITextClassifier classifier => (inputs => classifier.Forward(inputs[0]), classifier.MaxPositions),
        BertModel bert => (inputs => Both(bert.Forward(inputs[0])), bert.MaxPositions),
        _ => throw new GraphException($"{folder} holds a {module.GetType().Name}, whose forward pass is not known here."),
    };

    private static Tensor[] Both((Tensor Hidden, Tensor Pooled) outputs) => [outputs.Hidden, outputs.Pooled];

    private Tensor Ids(InputValue input, Shape shape, RandomSource random)
    {
        const string mask = "attention_mask";
        var rows = input.Name == mask ? 2 : Graph.Nodes.Select(node => RowsRead(node, input)).OfType<int>().DefaultIfEmpty(0).Min();
        var ids = Tensor.Empty(shape, DType.I64);
        foreach (ref var id in ids.AsSpan<long>())
            id = rows == 0 ? 1 : random.NextUInt32() % (uint)rows;
        return ids;
    }

    /// <summary>How many rows a node takes one of for each entry of an input; null where it does something else.</summary>
    private static int? RowsRead(Node node, InputValue input) => node.Op switch
    {
        Coppice.Tensors.Ops.Embedding when node.Inputs[0] == input => node.Inputs[1].SampleShape[0],
        Coppice.Tensors.Ops.Gather gather when node.Inputs[1] == input => node.Inputs[0].SampleShape[gather.Axis],
        _ => null,
    };

    private static Tensor Values(Shape shape, RandomSource random)
    {
        var values = Tensor.Empty(shape);
        foreach (ref var value in values.AsSpan<float>())
            value = 2 * random.NextSingle() - 1;
        return values;
    }
}
