using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning.Selection;
using Coppice.Tensors;

namespace Coppice.Recipes;

/// <summary>An image classifier: of a file of weights, or with weights that are drawn.</summary>
internal sealed class VisionRecipeModel : RecipeModel
{
    private readonly VisionArchitecture _architecture;
    private readonly string _name;
    private readonly string? _path;
    private readonly int _classes;
    private readonly int _seed;

    private VisionRecipeModel(string recipe, string name, string? path, int classes, int seed)
    {
        _architecture = VisionModels.Find(name) ?? throw new RecipeException(recipe, "model.architecture",
            $"there is no architecture '{name}'; known are {string.Join(", ", VisionModels.Known)}.");
        (_name, _path, _classes, _seed) = (name, path, classes, seed);
    }

    public static VisionRecipeModel FromFile(string recipe, string path, string architecture) => new(recipe, architecture, path, 0, 0);

    public static VisionRecipeModel FromScratch(string recipe, ModelSource source, int seed) =>
        new(recipe, source.Architecture!, null, source.Classes!.Value, seed);

    public override string OutputName => "model" + (_path is null ? ".safetensors" : Path.GetExtension(_path));

    public override IReadOnlyList<string> Files => _path is null ? [] : [_path];

    public override ModelFacts Facts => ModelFacts.None;

    public override bool Classifies => true;

    public override Module Open()
    {
        if (_path is not null)
            return PretrainedVisionModel.Open(_path, _name).Classifier;
        var model = _architecture.Create(_classes);
        Initialization.KaimingUniform(model, new RandomSource(_seed));
        return model;
    }

    public override TracedModel Trace(Module module) => TracedModel.OfImages(_name, (ImageClassifier)module, _architecture);

    public override TrainingData Read(string path, DataSource data, bool isTraining)
    {
        var images = isTraining ? ImageData.ReadTraining(path) : ImageData.Read(path);
        var expected = _architecture;
        if ((images.Channels, images.Height, images.Width) != (expected.Channels, expected.Size, expected.Size))
            throw new InvalidDataException($"'{path}' holds images of {images.Channels} x {images.Height} x {images.Width}; {_name} takes "
                + $"{expected.Channels} x {expected.Size} x {expected.Size}.");
        var labels = _path is null ? _classes : PretrainedVisionModel.LabelsIn(_path, _name);
        if (images.ClassNames.Count > labels)
            throw new InvalidDataException($"'{path}' has {images.ClassNames.Count} classes; the model tells {labels} apart.");
        var augmentation = data.Augmentation is { } change ? new ImageAugmentation(change.Padding, change.Flip) : null;
        return new ImageTrainingData(images, expected.Mean, expected.Std, augmentation);
    }

    /// <summary>With the names and the order of the file it came from, or of its architecture, so that bytes never depend on how a module came
    /// about.</summary>
    public override IReadOnlyList<string> Save(Module module, IReadOnlyList<StageCut> cuts, string path)
    {
        var state = module.StateDict();
        if (_path is null)
            Checkpoint.SaveNew(path, _architecture.Create(_classes).StateDict().Keys.Where(state.ContainsKey)
                .Select(name => TensorSource.From(name, state[name])), Overwriting);
        else
        {
            using var source = Checkpoint.Open(_path);
            source.Save(path, source.Tensors.ToDictionary(tensor => tensor.Name, tensor => Present(tensor.Name, state)), Overwriting);
        }
        return [path, .. PretrainedVisionModel.SavePlan(path, CutOfFile(Joined(cuts)))];
    }

    /// <summary>What was cut out before the recipe, and by it; null where nothing was.</summary>
    private StructuralPlan? CutOfFile(StructuralPlan? plan)
    {
        var before = _path is not null && PretrainedVisionModel.PlanPath(_path) is var file && File.Exists(file) ? StructuralPlan.Load(file) : null;
        return plan is null ? before : before?.Then(plan) ?? plan;
    }

    /// <summary>What takes the place of a tensor of the file: a weight that came with a mask is stored without.</summary>
    private static IReadOnlyList<TensorSource> Present(string stored, OrderedDictionary<string, Tensor> state)
    {
        const string prefix = PretrainedVisionModel.ParallelPrefix;
        var name = MaskedName.WeightOfOriginal(stored) ?? stored;
        var plain = name.StartsWith(prefix, StringComparison.Ordinal) ? name[prefix.Length..] : name;
        return state.TryGetValue(plain, out var value) ? [TensorSource.From(name, value)] : [];
    }
}
