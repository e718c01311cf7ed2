using System.Text;
using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Pruning.Onnx;
using Coppice.Pruning.Selection;

namespace Coppice.Recipes;

/// <summary>An image classifier of an ONNX file, which is written as one again.</summary>
internal sealed class OnnxRecipeModel(string file, ModelSource source) : RecipeModel
{
    /// <summary>How the names of ONNX files end.</summary>
    public const string Ending = ".onnx";

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

    public override Module Open() => Load(file);

    public override Module Open(IReadOnlyList<StageCut> cuts) => Load(FileAfter(cuts));

    /// <summary>The model of a smaller file, under what is left of another's masks.</summary>
    /// <param name="path">The smaller file; it may go afterwards.</param>
    /// <param name="model">The model before it was cut.</param>
    /// <param name="cut">What is left of it.</param>
    public static Module Load(string path, Module model, StructuralPlan cut)
    {
        var smaller = Load(path);
        var tensors = cut.Tensors.ToDictionary(tensor => tensor.Name);
        var before = model.ParametersByPlainName().ToDictionary(entry => entry.Name, entry => entry.Parameter);
        foreach (var (name, parameter) in smaller.ParametersByPlainName())
            if (before.TryGetValue(name, out var whole) && whole.Mask is { } mask)
                parameter.SetMask(tensors.TryGetValue(name, out var tensor) ? tensor.Cut(mask) : mask, whole.KeepsSign);
        return smaller;
    }

    public override Module Carry(Module module, IReadOnlyList<StageCut> before, IReadOnlyList<StageCut> cuts)
    {
        if (cuts.Count == 0)
            return module;
        using var folder = new TemporaryFolder();
        var path = folder["weights" + Ending];
        Write(module, before, path);
        foreach (var (number, cut) in cuts.Index())
            path = Repeat(cut, path, folder[$"{number}{Ending}"]);
        return Load(path, module, Joined(cuts)!);
    }

    public override TracedModel Trace(Module module)
    {
        var classifier = (OnnxImageClassifier)module;
        return TracedModel.Trace("onnx", classifier, inputs => classifier.Forward(inputs[0]), new TraceInput("images", classifier.BlankImages()));
    }

    public override CutModel Cutting(Module module, IReadOnlyList<StageCut> before) =>
        new OnnxCutModel(module, path => Write(module, before, path));

    public override TrainingData Read(string path, DataSource data, bool isTraining)
    {
        var images = isTraining ? ImageData.ReadTraining(path) : ImageData.Read(path);
        var classifier = Load(file);
        classifier.CheckImages(images.Channels, images.Height, images.Width);
        if (images.ClassNames.Count > classifier.Labels)
            throw new InvalidDataException($"'{path}' has {images.ClassNames.Count} classes; the model tells {classifier.Labels} apart.");
        var augmentation = data.Augmentation is { } change ? new ImageAugmentation(change.Padding, change.Flip) : null;
        return new ImageTrainingData(images, ForEach(source.Mean ?? [0], images), ForEach(source.Std ?? [1], images), augmentation);
    }

    /// <summary>The plan beside it is of the file that the recipe began with, without the biases that were added since.</summary>
    public override IReadOnlyList<string> Save(Module module, IReadOnlyList<StageCut> cuts, string path)
    {
        Write(module, cuts, path);
        var added = cuts.SelectMany(cut => cut.Biases ?? []).Select(bias => bias.Name).ToHashSet();
        var plan = Joined(cuts) is { } all ? all with { Tensors = [.. all.Tensors.Where(tensor => !added.Contains(tensor.Name))] } : null;
        return [path, .. PretrainedVisionModel.SavePlan(path, plan)];
    }

    public override IWeightStore Written(string path) => OnnxWeights.Open(path);

    /// <summary>Writes a model that was cut into a file of what is left of the computation, in the file's types.</summary>
    private void Write(Module module, IReadOnlyList<StageCut> cuts, string path)
    {
        using var weights = OnnxWeights.Open(FileAfter(cuts));
        weights.Save(path, module.ParametersByPlainName().Select(
            entry => TensorSource.From(entry.Name, entry.Parameter.Value.Cast(weights[entry.Name].DType))), Overwriting);
    }

    /// <summary>What cuts leave of the file at the start, with its weights; the last one alone is carried out where the file before it is there.
    /// </summary>
    private string FileAfter(IReadOnlyList<StageCut> cuts)
    {
        if (cuts.Count == 0)
            return file;
        var path = Path.Combine(Workspace!, FileHashes.OfText(string.Concat(cuts.Select(cut => Encoding.UTF8.GetString(cut.ToJson())))) + Ending);
        return File.Exists(path) ? path : Repeat(cuts[^1], FileAfter([.. cuts.SkipLast(1)]), path);
    }

    /// <summary>Carries out a cut again, on a file as it was before it.</summary>
    /// <returns>The new file.</returns>
    private static string Repeat(StageCut cut, string path, string output)
    {
        var pruning = OnnxPruning.Open(path);
        if (cut.Plan.Blocks is not null)
            pruning.Write(ResidualBlocks.Planned(pruning.Blocks, cut.Plan, path), output);
        else
            pruning.Write(Removal.Of(pruning.Dependencies, cut.Plan), output, cut.Biases ?? []);
        return output;
    }

    private static OnnxImageClassifier Load(string path)
    {
        using var opened = OnnxFile.Open(path);
        return new(new(opened));
    }

    private static IReadOnlyList<float> ForEach(IReadOnlyList<float> numbers, ImageData images) =>
        numbers is [var one] ? [.. Enumerable.Repeat(one, images.Channels)] : numbers;
}
