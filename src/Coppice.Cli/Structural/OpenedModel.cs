using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Bert;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Tensors;
using Coppice.Tokenizers;

namespace Coppice.Cli.Structural;

/// <summary>A model that is analysed and pruned as a whole: a Hugging Face folder, or a file of weights with its architecture's name.</summary>
internal abstract class OpenedModel
{
    /// <summary>The model with its graph.</summary>
    public abstract TracedModel Traced { get; }

    /// <summary>What was cut out of it before; null where nothing was.</summary>
    public abstract StructuralPlan? Before { get; }

    /// <summary>Globs of what is pruned unless the user says otherwise; empty for all.</summary>
    public abstract IReadOnlyList<string> DefaultScope { get; }

    /// <summary>Opens and traces.</summary>
    /// <param name="path">Folder or file.</param>
    /// <param name="architecture">Name of an image classifier's architecture; null for a folder.</param>
    /// <param name="size">Tokens, or height and width of an image, to trace with; null for the usual.</param>
    public static OpenedModel Open(string path, string? architecture, int? size)
    {
        if (path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase))
            throw new UsageException($"{path}: ONNX files are analysed and pruned through the API so far: OnnxPruning.Open (docs/onnx.md).");
        if (architecture is not null)
            return new Vision(PretrainedVisionModel.Open(path, architecture), size);
        return Directory.Exists(path) ? new Text(PretrainedModel.Open(path), size)
            : throw new UsageException($"{path} is a file of weights, which does not say what to compute; name its --arch: "
                + $"{string.Join(", ", VisionModels.Known)}.");
    }

    /// <summary>The model as one of a Hugging Face folder; null where it is none.</summary>
    public virtual PretrainedModel? Folder => null;

    /// <summary>Inputs of the graph from a file's examples, without targets: at the most so many.</summary>
    /// <exception cref="PruningException">The file has not enough for one.</exception>
    public abstract IReadOnlyList<IReadOnlyList<Tensor>> Inputs(string data, int count);

    /// <summary>Examples of a file, for gradients.</summary>
    public abstract TrainingData Read(string data);

    /// <summary>Notes what a surgeon cut out, and writes the model.</summary>
    public abstract void Save(string output, StructuralPlan plan, SaveOptions options);

    private sealed class Text(PretrainedModel model, int? steps) : OpenedModel
    {
        private const int LongestExample = 128;

        public override TracedModel Traced { get; } = TracedModel.Of(model, steps);

        public override StructuralPlan? Before => model.Plan;

        public override IReadOnlyList<string> DefaultScope => model.Architecture.Sizes.Globs;

        public override PretrainedModel? Folder => model;

        /// <summary>Windows of the length that the graph was traced with; one may hold the end of a text and the beginning of the
        /// next.</summary>
        public override IReadOnlyList<IReadOnlyList<Tensor>> Inputs(string data, int count)
        {
            var (tokenizer, steps) = (Tokenizer.FromFolder(model.Folder), Traced.Graph.Inputs[0].SampleShape[1]);
            var texts = model.Module is ITextClassifier classifier
                ? LabeledText.Read(data).Encode(tokenizer, Math.Min(classifier.MaxPositions, LongestExample))
                : TextDocuments.Read(data).Select(text => tokenizer.Encode(text, addSpecialTokens: false));
            Tensor[] windows = [.. texts.SelectMany(ids => ids).Chunk(steps).Where(window => window.Length == steps).Take(count)
                .Select(window => Tensor.From<long>([.. window.Select(id => (long)id)], [1, steps]))];
            if (windows.Length == 0)
                throw new PruningException($"{data} has less than the {steps} tokens of one input; give more, or fewer by --input.");
            return [.. windows.Select(window => (IReadOnlyList<Tensor>)[window])];
        }

        public override TrainingData Read(string data)
        {
            var tokenizer = Tokenizer.FromFolder(model.Folder);
            if (model.Module is not ITextClassifier classifier)
                return TokenTrainingData.Pack(TextDocuments.Read(data), tokenizer, Math.Min(model.CausalLanguageModel.MaxPositions, LongestExample));
            var examples = LabeledText.Read(data);
            var longest = Math.Min((classifier as BertClassifier)?.Config.PadSize ?? LongestExample, classifier.MaxPositions);
            return new TextTrainingData(examples.Encode(tokenizer, longest), [.. examples.Examples.Select(example => example.Label)]);
        }

        public override void Save(string output, StructuralPlan plan, SaveOptions options)
        {
            model.Record(plan);
            model.Save(output, options);
        }
    }

    private sealed class Vision(PretrainedVisionModel model, int? size) : OpenedModel
    {
        public override TracedModel Traced { get; } = TracedModel.Of(model, size);

        public override StructuralPlan? Before => model.Plan;

        public override IReadOnlyList<string> DefaultScope => [];

        public override IReadOnlyList<IReadOnlyList<Tensor>> Inputs(string data, int count)
        {
            var images = Read(data);
            return [.. Enumerable.Range(0, Math.Min(count, images.Count)).Select(image =>
                (IReadOnlyList<Tensor>)[((ImageBatch)images.Load([image])).Images])];
        }

        public override TrainingData Read(string data) =>
            new ImageTrainingData(ImageData.Read(data), model.Architecture.Mean, model.Architecture.Std);

        public override void Save(string output, StructuralPlan plan, SaveOptions options)
        {
            model.Record(plan);
            model.Save(output, options);
        }
    }
}
