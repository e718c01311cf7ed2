using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning.Selection;

namespace Coppice.Recipes;

/// <summary>An image classifier of an ONNX file, which is written as one again.</summary>
internal sealed class OnnxRecipeModel(string file, ModelSource source) : RecipeModel
{
    /// <summary>How the names of ONNX files end.</summary>
    public const string Ending = ".onnx";

    private OnnxImageClassifier? _opened;

    public override string OutputName => "model" + Ending;

    public override IReadOnlyList<string> Files
    {
        get
        {
            using var weights = OnnxWeights.Open(file);
            return weights.WeightFiles;
        }
    }

    public override ModelFacts Facts
    {
        get
        {
            using var weights = OnnxWeights.Open(file);
            return ModelFacts.Of(weights);
        }
    }

    public override bool Classifies => true;

    public override Module Open()
    {
        using var opened = OnnxFile.Open(file);
        return new OnnxImageClassifier(new(opened));
    }

    public override TracedModel Trace(Module module)
    {
        var classifier = (OnnxImageClassifier)module;
        return TracedModel.Trace("onnx", classifier, inputs => classifier.Forward(inputs[0]), new TraceInput("images", classifier.BlankImages()));
    }

    public override TrainingData Read(string path, DataSource data, bool isTraining)
    {
        var images = isTraining ? ImageData.ReadTraining(path) : ImageData.Read(path);
        _opened ??= (OnnxImageClassifier)Open();
        _opened.CheckImages(images.Channels, images.Height, images.Width);
        if (images.ClassNames.Count > _opened.Labels)
            throw new InvalidDataException($"'{path}' has {images.ClassNames.Count} classes; the model tells {_opened.Labels} apart.");
        var augmentation = data.Augmentation is { } change ? new ImageAugmentation(change.Padding, change.Flip) : null;
        return new ImageTrainingData(images, ForEach(source.Mean ?? [0], images), ForEach(source.Std ?? [1], images), augmentation);
    }

    public override IReadOnlyList<string> Save(Module module, StructuralPlan? plan, string path)
    {
        using var weights = OnnxWeights.Open(file);
        weights.Save(path, module.ParametersByPlainName().Select(entry => TensorSource.From(entry.Name, entry.Parameter.Value)), Overwriting);
        return [path];
    }

    private static IReadOnlyList<float> ForEach(IReadOnlyList<float> numbers, ImageData images) =>
        numbers is [var one] ? [.. Enumerable.Repeat(one, images.Channels)] : numbers;
}
