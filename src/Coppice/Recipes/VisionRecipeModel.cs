using Coppice.Checkpoints;
using Coppice.Data;
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

    public override TrainingData Read(string path, DataSource data, bool isTraining)
    {
        var images = isTraining ? ImageData.ReadTraining(path) : ImageData.Read(path);
        var expected = _architecture;
        if ((images.Channels, images.Height, images.Width) != (expected.Channels, expected.Size, expected.Size))
            throw new InvalidDataException($"'{path}' holds images of {images.Channels} x {images.Height} x {images.Width}; {_name} takes "
                + $"{expected.Channels} x {expected.Size} x {expected.Size}.");
        var augmentation = data.Augmentation is { } change ? new ImageAugmentation(change.Padding, change.Flip) : null;
        return new ImageTrainingData(images, expected.Mean, expected.Std, augmentation);
    }

    /// <summary>With the names and the order of the file it came from, so that bytes never depend on how a module came about.</summary>
    public override void Save(Module module, string path)
    {
        var state = module.StateDict();
        if (_path is null)
        {
            Checkpoint.SaveNew(path, _architecture.Create(_classes).StateDict().Keys.Select(name => TensorSource.From(name, state[name])), Overwriting);
            return;
        }
        using var source = Checkpoint.Open(_path);
        source.Save(path, source.Tensors.Select(tensor => TensorSource.From(tensor.Name, state[PlainName(tensor.Name)])), Overwriting);
    }

    private static string PlainName(string name) =>
        name.StartsWith(PretrainedVisionModel.ParallelPrefix, StringComparison.Ordinal) ? name[PretrainedVisionModel.ParallelPrefix.Length..] : name;
}
