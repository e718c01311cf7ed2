using System.CommandLine;
using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using Coppice.Tokenizers;
using Coppice.Training;

namespace Coppice.Cli.Structural;

/// <summary>A model that is analysed and pruned as a whole: a Hugging Face folder, a file of weights with its architecture's name, or an
/// ONNX file.</summary>
internal abstract class OpenedModel
{
    /// <summary>The model with its graph.</summary>
    public abstract TracedModel Traced { get; }

    /// <summary>What of it must shrink together.</summary>
    public virtual DependencyGraph Dependencies => field ??= DependencyGraph.Of(Traced.Graph);

    /// <summary>Whether layers without a bias can be given one.</summary>
    public virtual bool CanAddBiases => false;

    /// <summary>What was cut out of it before; null where nothing was.</summary>
    public virtual StructuralPlan? Before => null;

    /// <summary>Globs of what is pruned unless the user says otherwise; empty for all.</summary>
    public virtual IReadOnlyList<string> DefaultScope => [];

    /// <summary>The model as one that sorts images.</summary>
    /// <exception cref="UsageException">It does something else.</exception>
    public virtual ImageClassifier Classifier => throw new UsageException($"{Traced.Kind} is no image classifier; --data needs one here.");

    /// <summary>What it is trained on to find gradients.</summary>
    public virtual TrainingTask Task => TrainingTask.Of(Traced.Module);

    /// <summary>Opens and traces.</summary>
    /// <param name="path">Folder or file.</param>
    /// <param name="architecture">Name of an image classifier's architecture; null for a folder or an ONNX file.</param>
    /// <param name="input">Tokens, or height and width of an image, to trace with; of an ONNX file the sizes of its inputs; null or empty for
    /// the usual.</param>
    public static OpenedModel Open(string path, string? architecture, IReadOnlyList<string>? input)
    {
        if (Weights.IsOnnx(path))
            return architecture is null ? new Onnx(path, input ?? [])
                : throw new UsageException($"{path} says itself what it computes; leave --arch out.");
        var length = InputSizes.LengthOf(input ?? []);
        if (architecture is not null)
            return new Vision(PretrainedVisionModel.Open(path, architecture), length);
        return Directory.Exists(path) ? new Text(PretrainedModel.Open(path), length)
            : throw NeedsArchitecture(path);
    }

    /// <summary>What a file of weights is refused with, or a path where there is nothing.</summary>
    public static Exception NeedsArchitecture(string path) => File.Exists(path)
        ? new UsageException(
            $"{path} is a file of weights, which does not say what to compute; name its --arch: {string.Join(", ", VisionModels.Known)}.")
        : new CheckpointException(path, "there is no such file or folder", "Check the path.");

    /// <summary>The model as one of a Hugging Face folder; null where it is none.</summary>
    public virtual PretrainedModel? Folder => null;

    /// <summary>Inputs of the graph from a file's examples, without targets: at the most so many.</summary>
    /// <exception cref="PruningException">The file has not enough for one.</exception>
    public abstract IReadOnlyList<IReadOnlyList<Tensor>> Inputs(string data, int count, ParseResult parsed);

    /// <summary>Examples of a file as the model sees them, with their targets.</summary>
    public abstract TrainingData Read(string data, ParseResult parsed);

    /// <summary>Removes, verifies and writes.</summary>
    /// <param name="removal">What goes.</param>
    /// <param name="output">Where to write; null for nowhere.</param>
    /// <param name="options">How.</param>
    /// <param name="seed">Of the inputs that outputs are compared on.</param>
    /// <param name="compensation">What the smaller model gets, once verified, before it is written; null for nothing.</param>
    public abstract Verification Prune(Removal removal, string? output, SaveOptions options, long seed, PreparedCompensation? compensation = null);

    /// <summary>Residual blocks that can be left out.</summary>
    public virtual IReadOnlyList<ResidualBlock> Blocks => throw new UsageException(
        $"{Folder?.Folder} is a Hugging Face folder, whose blocks go by --granularity layer --amount.");

    /// <summary>Leaves out residual blocks, verifies and writes.</summary>
    /// <param name="blocks">Which of <see cref="Blocks"/>.</param>
    /// <param name="output">Where to write; null for nowhere.</param>
    /// <param name="options">How.</param>
    /// <param name="seed">Of the inputs that outputs are compared on.</param>
    /// <param name="compensation">What the smaller model gets, once verified, before it is written; null for nothing.</param>
    public virtual Verification Shorten(IReadOnlyList<ResidualBlock> blocks, string? output, SaveOptions options, long seed,
        PreparedCompensation? compensation) => throw new NotSupportedException("There are no residual blocks.");

    /// <summary>A model whose modules are made smaller.</summary>
    private abstract class Eager : OpenedModel
    {
        public override Verification Prune(Removal removal, string? output, SaveOptions options, long seed, PreparedCompensation? compensation)
        {
            var plan = removal.ToPlan(Traced.Kind);
            var (graph, verification) = PruningSurgeon.Apply(Dependencies, removal, Traced.RandomInputs(seed), Traced.Forward);
            compensation?.CarryOut(graph);
            if (output is not null)
                Save(output, plan, options);
            return verification;
        }

        /// <summary>Notes what a surgeon cut out, and writes the model.</summary>
        protected abstract void Save(string output, StructuralPlan plan, SaveOptions options);
    }

    private sealed class Text(PretrainedModel model, int? steps) : Eager
    {
        // Gradients are sums over all tokens: shorter windows tell as much, in less memory than training takes.
        private const int GradientWindow = 128;

        public override TracedModel Traced { get; } = TracedModel.Of(model, steps);

        public override StructuralPlan? Before => model.Plan;

        public override IReadOnlyList<string> DefaultScope => model.Architecture.Sizes.Globs;

        public override PretrainedModel? Folder => model;

        /// <summary>Pieces of the length that the graph was traced with.</summary>
        public override IReadOnlyList<IReadOnlyList<Tensor>> Inputs(string data, int count, ParseResult parsed)
        {
            var (tokenizer, steps) = (Tokenizer.FromFolder(model.Folder), Traced.Graph.Inputs[0].SampleShape[1]);
            var texts = model.Module is ITextClassifier classifier
                ? LabeledText.Read(data).Encode(tokenizer, classifier.UsualLength)
                : TextDocuments.Read(data).Select(text => tokenizer.Encode(text, addSpecialTokens: false));
            return CalibrationInputs.OfTexts(texts.Select(ids => ids.Select(id => (long)id)), steps, count, data);
        }

        public override TrainingData Read(string data, ParseResult parsed)
        {
            var tokenizer = Tokenizer.FromFolder(model.Folder);
            if (model.Module is not ITextClassifier classifier)
                return TokenTrainingData.Pack(TextDocuments.Read(data), tokenizer, Math.Min(model.CausalLanguageModel.MaxPositions, GradientWindow));
            var examples = LabeledText.Read(data);
            return new TextTrainingData(examples.Encode(tokenizer, classifier.UsualLength), [.. examples.Examples.Select(example => example.Label)]);
        }

        protected override void Save(string output, StructuralPlan plan, SaveOptions options)
        {
            model.Record(plan);
            model.Save(output, options);
        }
    }

    private sealed class Vision(PretrainedVisionModel model, int? size) : Eager
    {
        public override TracedModel Traced { get; } = TracedModel.Of(model, size);

        public override StructuralPlan? Before => model.Plan;

        public override ImageClassifier Classifier => model.Classifier;

        public override IReadOnlyList<IReadOnlyList<Tensor>> Inputs(string data, int count, ParseResult parsed) => Images(data, count, parsed);

        public override TrainingData Read(string data, ParseResult parsed) =>
            new ImageTrainingData(ImageData.Read(data), model.Architecture.Mean, model.Architecture.Std);

        public override IReadOnlyList<ResidualBlock> Blocks => field ??= LayerRemoval.Find(Traced.Graph);

        public override Verification Shorten(IReadOnlyList<ResidualBlock> blocks, string? output, SaveOptions options, long seed,
            PreparedCompensation? compensation)
        {
            var (plan, verification) = LayerRemoval.Apply(Traced, blocks, Traced.RandomInputs(seed));
            compensation?.CarryOut(ResidualBlocks.Remove(Traced.Graph, blocks));
            if (output is not null)
                Save(output, plan, options);
            return verification;
        }

        protected override void Save(string output, StructuralPlan plan, SaveOptions options)
        {
            model.Record(plan);
            model.Save(output, options);
        }
    }

    /// <summary>Images in batches as the graph was traced with.</summary>
    private IReadOnlyList<IReadOnlyList<Tensor>> Images(string data, int count, ParseResult parsed)
    {
        var images = Read(data, parsed);
        return CalibrationInputs.OfImages(Enumerable.Range(0, images.Count).Select(image => ((ImageBatch)images.Load([image])).Images),
            Traced.Graph.Inputs[0].SampleShape[0], count, data);
    }

    private sealed class Onnx : OpenedModel
    {
        private readonly OnnxPruning _pruning;

        public Onnx(string path, IReadOnlyList<string> input)
        {
            try
            {
                _pruning = OnnxPruning.Open(path, InputSizes.Of(input));
            }
            catch (GraphException error)
            {
                throw new OnnxException(path, $"its computation can't be followed: {error.Message.TrimEnd('.')}",
                    "Sizes of inputs can be given with --input NAME=1x3x224x224.", error);
            }
        }

        public override TracedModel Traced => _pruning.Traced;

        public override DependencyGraph Dependencies => _pruning.Dependencies;

        public override bool CanAddBiases => true;

        public override ImageClassifier Classifier => field ??= new OnnxImageClassifier(_pruning.Module);

        public override TrainingTask Task => TrainingTask.Of(Classifier);

        /// <summary>Images with their axes as the graph was traced with.</summary>
        public override IReadOnlyList<IReadOnlyList<Tensor>> Inputs(string data, int count, ParseResult parsed)
        {
            var classifier = (OnnxImageClassifier)Classifier;
            return [.. Images(data, count, parsed).Select(batch => (IReadOnlyList<Tensor>)[classifier.ToInput(batch[0])])];
        }

        public override TrainingData Read(string data, ParseResult parsed) =>
            PixelOptions.Apply(parsed, (OnnxImageClassifier)Classifier, ImageData.Read(data));

        public override Verification Prune(Removal removal, string? output, SaveOptions options, long seed, PreparedCompensation? compensation) =>
            output is null ? _pruning.Verify(removal, compensation) : _pruning.Save(removal, output, options.Overwrite, compensation);

        public override IReadOnlyList<ResidualBlock> Blocks => _pruning.Blocks;

        public override Verification Shorten(IReadOnlyList<ResidualBlock> blocks, string? output, SaveOptions options, long seed,
            PreparedCompensation? compensation) =>
            output is null ? _pruning.Verify(blocks, compensation) : _pruning.Save(blocks, output, options.Overwrite, compensation);
    }
}
