using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Bert;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Tokenizers;

namespace Coppice.Recipes;

/// <summary>A classifier of texts or a causal language model, from its Hugging Face folder.</summary>
internal sealed class TextRecipeModel : RecipeModel
{
    private const int LongestDefault = 512;
    private const int WidestDefault = 1024;

    private readonly string _folder;
    private readonly PretrainedModel _model;
    private readonly Tokenizer _tokenizer;

    public TextRecipeModel(string folder)
    {
        (_folder, _model, _tokenizer) = (folder, PretrainedModel.Open(folder), Tokenizer.FromFolder(folder));
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        Facts = ModelFacts.FromConfig(config.RootElement);
    }

    public override string OutputName => "model";

    public override IReadOnlyList<string> Files => [.. Directory.EnumerateFiles(_folder).Order(StringComparer.Ordinal)];

    public override ModelFacts Facts { get; }

    public override bool Classifies => _model.Module is ITextClassifier;

    public override Module Open() => PretrainedModel.Open(_folder).Module;

    public override IReadOnlyList<string> CutScope => _model.Architecture.Sizes.Globs;

    public override TracedModel Trace(Module module) => TracedModel.OfText(_model.ModelType, module, _folder);

    /// <summary>Texts end to end, in pieces of the length that the computation is for.</summary>
    public override IReadOnlyList<IReadOnlyList<Tensor>> Inputs(IEnumerable<TrainingBatch> examples, int count, Graph graph)
    {
        var steps = graph.Inputs[0].SampleShape[1];
        IReadOnlyList<Tensor>[] inputs = [.. examples.SelectMany(TokensOf).Chunk(steps).Where(ids => ids.Length == steps).Take(count)
            .Select(ids => (IReadOnlyList<Tensor>)[Tensor.From<long>(ids, [1, steps])])];
        return inputs.Length > 0 ? inputs
            : throw new PruningException($"the training data has less than the {steps} tokens of one input to calibrate on; give more.");
    }

    public override TrainingData Read(string path, DataSource data, bool isTraining)
    {
        if (!Classifies)
            return Tokens(path, _model.CausalLanguageModel, data.Window);
        var classifier = _model.TextClassifier;
        var examples = LabeledText.Read(path);
        if (examples.ClassCount > classifier.Labels)
            throw new InvalidDataException($"'{path}' has {examples.ClassCount} classes; the model in {_folder} tells {classifier.Labels} apart.");
        var longest = data.MaxLength ?? (classifier as BertClassifier)?.Config.PadSize ?? LongestDefault;
        return new TextTrainingData(examples.Encode(_tokenizer, Math.Min(longest, classifier.MaxPositions)),
            [.. examples.Examples.Select(example => example.Label)]);
    }

    public override Module Carry(Module module, IReadOnlyList<StageCut> before, IReadOnlyList<StageCut> cuts)
    {
        var left = Left.After(_model, before);
        foreach (var cut in cuts)
        {
            left = left.Next(cut);
            if (cut.Layers is { } layers)
                module = left.Fewer(module, layers);
            else
                cut.Plan.Apply(module);
        }
        return module;
    }

    public override StructuralPlan? Joined(IReadOnlyList<StageCut> cuts) => Left.After(_model, cuts).Plan;

    public override IReadOnlyList<string> Save(Module module, IReadOnlyList<StageCut> cuts, string path)
    {
        using var temporary = new TemporaryFolder();
        var left = Left.After(_model, cuts);
        var written = PretrainedModel.Open(left.Source(temporary[OutputName]));
        if (left.Plan is { } plan)
        {
            plan.Apply(written.Module);
            written.Record(plan);
        }
        written.Module.LoadStateDict(module.StateDict());
        written.Save(path, Overwriting);
        return [path];
    }

    private static long[] TokensOf(TrainingBatch example) => example switch
    {
        TextBatch text => text.Ids.ToArray<long>()[..text.Lengths[0]],
        _ => ((TokenBatch)example).Ids.ToArray<long>(),
    };

    private TokenTrainingData Tokens(string path, ICausalLanguageModel model, int? window) => window > model.MaxPositions
        ? throw new InvalidDataException($"A window of {window} tokens is asked for; the model in {_folder} sees {model.MaxPositions}.")
        : TokenTrainingData.Pack(TextDocuments.Read(path), _tokenizer, window ?? Math.Min(model.MaxPositions, WidestDefault));

    /// <summary>What cuts leave of a folder's model.</summary>
    /// <param name="Model">The model as it was opened.</param>
    /// <param name="Layers">Numbers that the layers that stay have in the folder; null for all.</param>
    /// <param name="Plan">What was cut out of these, by their present names; null for nothing.</param>
    private sealed record Left(PretrainedModel Model, IReadOnlyList<int>? Layers, StructuralPlan? Plan)
    {
        public static Left After(PretrainedModel model, IReadOnlyList<StageCut> cuts) =>
            cuts.Aggregate(new Left(model, null, null), (left, cut) => left.Next(cut));

        public Left Next(StageCut cut) => cut.Layers is { } layers
            ? new(Model, [.. layers.Select(layer => Layers?[layer] ?? layer)], new FewerBlocks(Model, layers).Renumbered(Plan))
            : this with { Plan = Plan?.Then(cut.Plan) ?? cut.Plan };

        /// <summary>A model of some of the layers of another, which had all that this is left of.</summary>
        public Module Fewer(Module module, IReadOnlyList<int> layers)
        {
            using var checkpoint = Checkpoint.Open(Model.Folder);
            var fewer = new FewerBlocks(Model, Layers!).Build(checkpoint);
            Plan?.Apply(fewer);
            new FewerBlocks(Model, layers).Fill(fewer, module);
            return fewer;
        }

        /// <summary>A folder of the layers that stay, written where some went.</summary>
        public string Source(string path)
        {
            if (Layers is null)
                return Model.Folder;
            using var checkpoint = Checkpoint.Open(Model.Folder);
            new FewerBlocks(Model, Layers).Save(checkpoint, path, new());
            return path;
        }
    }
}
