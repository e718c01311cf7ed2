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
    /// <summary>Tokens that a text model is traced with where nothing else is asked for, or its longest sequence.</summary>
    public const int UsualSteps = 64;

    /// <summary>Traces a text model on token ids I64 [1, steps], without padding.</summary>
    /// <param name="model">A model of a folder.</param>
    /// <param name="steps">Tokens; null for <see cref="UsualSteps"/>.</param>
    /// <exception cref="GraphException">It can't be traced.</exception>
    public static TracedModel Of(PretrainedModel model, int? steps = null)
    {
        var (forward, longest) = ForwardOf(model);
        if (steps > longest || steps < 1)
            throw new GraphException($"{model.Folder} sees 1 to {longest} tokens; {steps} are asked for.");
        return Traced(model.ModelType, model.Module, forward, new("ids", Tensor.Zeros([1, steps ?? Math.Min(UsualSteps, longest)], DType.I64)));
    }

    /// <summary>Traces an image classifier on an image F32 [1, channels, size, size].</summary>
    /// <param name="model">A model of a file.</param>
    /// <param name="size">Height and width; null for the architecture's.</param>
    /// <exception cref="GraphException">It can't be traced.</exception>
    public static TracedModel Of(PretrainedVisionModel model, int? size = null)
    {
        var (architecture, side) = (model.Architecture, size ?? model.Architecture.Size);
        if (side < 1)
            throw new GraphException($"An image of {side} x {side} pixels is none.");
        return Traced(model.ArchitectureName, model.Classifier, inputs => model.Classifier.Forward(inputs[0]),
            new("images", Tensor.Zeros([1, architecture.Channels, side, side])));
    }

    /// <summary>Random inputs: ids that the model has embeddings for, values around 0; 1 for whole numbers that name no embedding.</summary>
    public IReadOnlyList<Tensor> RandomInputs(long seed)
    {
        var random = new RandomSource(seed);
        return [.. Graph.Inputs.Select(input => input.DType switch
        {
            DType.I64 => Ids(input, random),
            var dtype when dtype.IsFloatingPoint() => Values(input, random).Cast(dtype),
            var other => Tensor.Full(input.SampleShape, 1).Cast(other),
        })];
    }

    private static TracedModel Traced(string kind, Module module, Func<IReadOnlyList<Tensor>, TraceOutputs> forward, TraceInput input)
    {
        using var scope = new TensorScope();
        return new(kind, module, GraphTracer.Trace(module, forward, input), forward);
    }

    private static (Func<IReadOnlyList<Tensor>, TraceOutputs> Forward, int Longest) ForwardOf(PretrainedModel model) => model.Module switch
    {
        ICausalLanguageModel language => (inputs => language.Forward(inputs[0]), language.MaxPositions),
        ITextClassifier classifier => (inputs => classifier.Forward(inputs[0]), classifier.MaxPositions),
        BertModel bert => (inputs => Both(bert.Forward(inputs[0])), bert.MaxPositions),
        _ => throw new GraphException($"{model.Folder} holds a {model.Module.GetType().Name}, whose forward pass is not known here."),
    };

    private static Tensor[] Both((Tensor Hidden, Tensor Pooled) outputs) => [outputs.Hidden, outputs.Pooled];

    private Tensor Ids(InputValue input, RandomSource random)
    {
        var rows = Graph.Nodes.Select(node => RowsRead(node, input)).OfType<int>().DefaultIfEmpty(0).Min();
        var ids = Tensor.Empty(input.SampleShape, DType.I64);
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

    private static Tensor Values(InputValue input, RandomSource random)
    {
        var values = Tensor.Empty(input.SampleShape);
        foreach (ref var value in values.AsSpan<float>())
            value = 2 * random.NextSingle() - 1;
        return values;
    }
}
