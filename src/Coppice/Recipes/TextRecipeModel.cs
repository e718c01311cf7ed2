using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Tokenizers;

namespace Coppice.Recipes;

/// <summary>A classifier of texts or a causal language model, from its Hugging Face folder.</summary>
internal sealed class TextRecipeModel : RecipeModel
{
    private const int WidestDefault = 1024;

    private readonly PretrainedFolder _source;
    private readonly Tokenizer _tokenizer;
    private readonly int? _labels;
    private readonly int? _usualLength;
    private readonly int? _maxPositions;

    /// <summary>Opens the model once to see what it is; it is not kept.</summary>
    public TextRecipeModel(string folder)
    {
        var model = PretrainedModel.Open(folder);
        (_source, _tokenizer) = (PretrainedFolder.Of(model), Tokenizer.FromFolder(folder));
        Blocks = (model.Module as IBlockModel)?.Blocks.Count ?? 0;
        if (model.Module is ITextClassifier classifier)
            (_labels, _usualLength, _maxPositions) = (classifier.Labels, classifier.UsualLength, classifier.MaxPositions);
        else
            _maxPositions = (model.Module as ICausalLanguageModel)?.MaxPositions;
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, PretrainedModel.ConfigFile)));
        Facts = ModelFacts.FromConfig(config.RootElement);
    }

    public override string OutputName => "model";

    public override IReadOnlyList<string> Files => [.. Directory.EnumerateFiles(_source.Path).Order(StringComparer.Ordinal)];

    public override ModelFacts Facts { get; }

    public override bool Classifies => _labels is not null;

    public override int Blocks { get; }

    public override Module Open() => PretrainedModel.Open(_source.Path).Module;

    public override IReadOnlyList<string> CutScope => _source.Architecture.Sizes.Globs;

    public override TracedModel Trace(Module module) => TracedModel.OfText(_source.ModelType, module, _source.Path);

    /// <summary>Texts end to end, in pieces of the length that the computation is for.</summary>
    public override IReadOnlyList<IReadOnlyList<Tensor>> Inputs(IEnumerable<TrainingBatch> examples, int count, Graph graph) =>
        CalibrationInputs.OfTexts(examples.Select(TokensOf), graph.Inputs[0].SampleShape[1], count, TrainingExamples);

    public override TrainingData Read(string path, DataSource data, bool isTraining)
    {
        var most = _maxPositions ?? throw new InvalidDataException(
            $"{_source.Path} holds a {_source.ModelType} model that neither tells texts apart nor predicts tokens, which is what '{path}' is for.");
        if (!Classifies)
            return Tokens(path, most, data.Window);
        var examples = LabeledText.Read(path);
        if (examples.ClassCount > _labels)
            throw new InvalidDataException($"'{path}' has {examples.ClassCount} classes; the model in {_source.Path} tells {_labels} apart.");
        return new TextTrainingData(examples.Encode(_tokenizer, Math.Min(data.MaxLength ?? _usualLength!.Value, most)),
            [.. examples.Examples.Select(example => example.Label)]);
    }

    public override Module Carry(Module module, IReadOnlyList<StageCut> before, IReadOnlyList<StageCut> cuts)
    {
        var left = Left.After(_source, before);
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

    public override StructuralPlan? Joined(IReadOnlyList<StageCut> cuts) => Left.After(_source, cuts).Plan;

    public override IReadOnlyList<string> Save(Module module, IReadOnlyList<StageCut> cuts, string path)
    {
        using var temporary = new TemporaryFolder();
        var left = Left.After(_source, cuts);
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

    private TokenTrainingData Tokens(string path, int most, int? window) => window > most
        ? throw new InvalidDataException($"A window of {window} tokens is asked for; the model in {_source.Path} sees {most}.")
        : TokenTrainingData.Pack(TextDocuments.Read(path), _tokenizer, window ?? Math.Min(most, WidestDefault));

    /// <summary>What cuts leave of a folder's model.</summary>
    /// <param name="Folder">The folder.</param>
    /// <param name="Layers">Numbers that the layers that stay have in the folder; null for all.</param>
    /// <param name="Plan">What was cut out of these, by their present names; null for nothing.</param>
    private sealed record Left(PretrainedFolder Folder, IReadOnlyList<int>? Layers, StructuralPlan? Plan)
    {
        public static Left After(PretrainedFolder folder, IReadOnlyList<StageCut> cuts) =>
            cuts.Aggregate(new Left(folder, null, null), (left, cut) => left.Next(cut));

        public Left Next(StageCut cut) => cut.Layers is { } layers
            ? new(Folder, [.. layers.Select(layer => Layers?[layer] ?? layer)], new FewerBlocks(Folder, layers).Renumbered(Plan))
            : this with { Plan = Plan?.Then(cut.Plan) ?? cut.Plan };

        /// <summary>A model of some of the layers of another, which had all that this is left of.</summary>
        public Module Fewer(Module module, IReadOnlyList<int> layers)
        {
            using var checkpoint = Checkpoint.Open(Folder.Path);
            var fewer = new FewerBlocks(Folder, Layers!).Build(checkpoint);
            Plan?.Apply(fewer);
            new FewerBlocks(Folder, layers).Fill(fewer, module);
            return fewer;
        }

        /// <summary>A folder of the layers that stay, written where some went.</summary>
        public string Source(string path)
        {
            if (Layers is null)
                return Folder.Path;
            using var checkpoint = Checkpoint.Open(Folder.Path);
            new FewerBlocks(Folder, Layers).Save(checkpoint, path, new());
            return path;
        }
    }
}
