using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Bert;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Onnx.Export;

/// <summary>What an exported text model takes besides token ids.</summary>
public enum TextInputs
{
    /// <summary>Nothing; a classifier still takes its <c>attention_mask</c> and <c>token_type_ids</c>.</summary>
    Ids,

    /// <summary><c>attention_mask</c>, I64 [batch, sequence]: 1 for a token, 0 for padding.</summary>
    Mask,

    /// <summary>Keys and values of past positions, <c>past_key_values.N.key</c> and <c>.value</c>, F32 [batch, heads, past, headDim]; it also
    /// gives those of all positions, <c>present.N.key</c> and <c>.value</c>.</summary>
    Past,
}

/// <summary>Models traced to be exported: axes that may have any size are named, and inputs and outputs have the names that Hugging Face
/// gives them.</summary>
public static class ExportTrace
{
    /// <summary>How the names of past keys and values begin.</summary>
    public const string PastPrefix = "past_key_values.";

    /// <summary>Name of the mask of padding.</summary>
    public const string MaskName = "attention_mask";

    private const string Batch = "batch", Sequence = "sequence", PastAxis = "past";

    // The trace goes up to three times these, and up to twice as far where there is a past.
    private const int SampleBatch = 2, SampleSteps = 5;

    /// <summary>A text model: <c>input_ids</c> I64 [batch, sequence] to <c>logits</c>, or to <c>last_hidden_state</c> and
    /// <c>pooler_output</c>.</summary>
    /// <exception cref="GraphException">It can't be traced, or has no such inputs.</exception>
    public static TracedModel Of(PretrainedModel model, TextInputs inputs = TextInputs.Ids) => model.Module switch
    {
        ICausalLanguageModel language => OfLanguageModel(model, language, inputs),
        ITextClassifier or BertModel when inputs == TextInputs.Past => throw new GraphException(
            $"{model.Folder} holds a {model.ModelType} model, which sees all of a text at once; past positions are a causal language model's."),
        ITextClassifier classifier => OfEncoder(model, classifier.MaxPositions, tensors =>
            Logits(classifier.ForwardMasked(tensors[0], tensors[1], tensors[2]))),
        BertModel bert => OfEncoder(model, bert.MaxPositions, tensors => Hidden(bert.ForwardMasked(tensors[0], tensors[1], tensors[2]))),
        _ => throw new GraphException($"{model.Folder} holds a {model.Module.GetType().Name}, whose forward pass is not known here."),
    };

    /// <summary>The same with axes of one size: one text of so many tokens, after as many where there is a past.</summary>
    /// <param name="model">A model of a folder.</param>
    /// <param name="inputs">What it takes.</param>
    /// <param name="steps">Tokens, or fewer if the model sees no more.</param>
    /// <inheritdoc cref="Of(PretrainedModel, TextInputs)" path="/exception"/>
    public static TracedModel Of(PretrainedModel model, TextInputs inputs, int steps)
    {
        var longest = model.Module switch
        {
            ICausalLanguageModel language => language.MaxPositions,
            ITextClassifier classifier => classifier.MaxPositions,
            BertModel bert => bert.MaxPositions,
            _ => steps,
        };
        var count = Math.Min(steps, inputs == TextInputs.Past ? longest / 2 : longest);
        var sizes = new Dictionary<string, int> { [Batch] = 1, [Sequence] = count, [PastAxis] = count };
        var open = Of(model, inputs);
        return TracedModel.Trace(open.Kind, open.Module, open.Forward, [.. open.Graph.Inputs.Select(input => new TraceInput(input.Name,
            Tensor.Full(Shape.Create([.. input.Dims.Select(dim => dim.Evaluate(sizes))]), 1).Cast(input.DType)))]);
    }

    /// <summary>An image classifier: <c>images</c> F32 [batch, channels, size, size] to <c>logits</c>.</summary>
    /// <param name="model">A model of a file.</param>
    /// <param name="size">Height and width, which are fixed; null for the architecture's.</param>
    /// <exception cref="GraphException">It can't be traced.</exception>
    public static TracedModel Of(PretrainedVisionModel model, int? size = null) =>
        TracedModel.Trace(model.ArchitectureName, model.Classifier, tensors => Logits(model.Classifier.Forward(tensors[0])),
            new TraceInput("images", TracedModel.BlankImages(SampleBatch, model.Architecture, size), Batch));

    private static TracedModel OfLanguageModel(PretrainedModel model, ICausalLanguageModel language, TextInputs inputs)
    {
        var steps = StepsFor(language.MaxPositions, inputs == TextInputs.Past ? 2 : 1);
        return inputs switch
        {
            TextInputs.Ids => TracedModel.Trace(model.ModelType, model.Module, tensors => Logits(language.Forward(tensors[0])), Tokens("input_ids", steps)),
            TextInputs.Mask => TracedModel.Trace(model.ModelType, model.Module, tensors => Logits(language.ForwardMasked(tensors[0], tensors[1])),
                Tokens("input_ids", steps), Tokens(MaskName, steps)),
            _ => WithPast(model, language, steps),
        };
    }

    private static TracedModel OfEncoder(PretrainedModel model, int longest, Func<IReadOnlyList<Tensor>, TraceOutputs> forward)
    {
        var steps = StepsFor(longest, 1);
        return TracedModel.Trace(model.ModelType, model.Module, forward,
            Tokens("input_ids", steps), Tokens(MaskName, steps), Tokens("token_type_ids", steps));
    }

    private static TracedModel WithPast(PretrainedModel model, ICausalLanguageModel language, int steps)
    {
        var layers = language.CreateCache(0).Layers.Count;
        var past = HeldAfter(language, steps, layers).SelectMany((layer, number) => new[]
        {
            new TraceInput($"{PastPrefix}{number}.key", layer.Keys, Batch, null, PastAxis),
            new TraceInput($"{PastPrefix}{number}.value", layer.Values, Batch, null, PastAxis),
        });
        return TracedModel.Trace(model.ModelType, model.Module, Forward, [Tokens("input_ids", steps), .. past]);

        TraceOutputs Forward(IReadOnlyList<Tensor> tensors)
        {
            var cache = KvCache.Concatenating(Enumerable.Range(0, layers)
                .Select(layer => ((Tensor, Tensor)?)(tensors[1 + 2 * layer], tensors[2 + 2 * layer])));
            var outputs = new OrderedDictionary<string, Tensor> { ["logits"] = language.Forward(tensors[0], cache) };
            foreach (var (number, layer) in cache.Layers.Index())
                (outputs[$"present.{number}.key"], outputs[$"present.{number}.value"]) = layer!.Value;
            return TraceOutputs.FromDictionary(outputs);
        }
    }

    /// <summary>Keys and values of some positions, as examples.</summary>
    private static List<(Tensor Keys, Tensor Values)> HeldAfter(ICausalLanguageModel language, int steps, int layers)
    {
        var cache = KvCache.Concatenating(new (Tensor, Tensor)?[layers]);
        language.Forward(Tensor.Zeros([SampleBatch, steps], DType.I64), cache);
        return [.. cache.Layers.Select(layer => layer!.Value)];
    }

    private static int StepsFor(int longest, int parts) => Math.Max(1, Math.Min(SampleSteps, longest / (3 * parts)));

    private static TraceInput Tokens(string name, int steps) => new(name, Tensor.Full([SampleBatch, steps], 1).Cast(DType.I64), Batch, Sequence);

    private static TraceOutputs Logits(Tensor logits) => new Dictionary<string, Tensor> { ["logits"] = logits };

    private static TraceOutputs Hidden((Tensor Hidden, Tensor Pooled) outputs) =>
        new Dictionary<string, Tensor> { ["last_hidden_state"] = outputs.Hidden, ["pooler_output"] = outputs.Pooled };
}
