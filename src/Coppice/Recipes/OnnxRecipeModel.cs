using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Pruning.Onnx;
using Coppice.Pruning.Selection;
using Coppice.Tensors;

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

    public override Module Open() => Load(file);

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
        return Load(Replayed(path, cuts, folder), module, Joined(cuts)!);
    }

    public override TracedModel Trace(Module module)
    {
        var classifier = (OnnxImageClassifier)module;
        return TracedModel.Trace("onnx", classifier, inputs => classifier.Forward(inputs[0]), new TraceInput("images", classifier.BlankImages()));
    }

    public override CutModel Cutting(Module module, IReadOnlyList<StageCut> before) =>
        new OnnxCutModel(module, path => Write(module, before, path));

    /// <summary>Images in batches as the computation takes them.</summary>
    public override IReadOnlyList<IReadOnlyList<Tensor>> Inputs(IEnumerable<TrainingBatch> examples, int count, Graph graph)
    {
        var batch = graph.Inputs[0].SampleShape[0];
        var batches = examples.Take(count).Select(example => ((ImageBatch)example).Images).Chunk(batch).Where(chunk => chunk.Length == batch);
        IReadOnlyList<Tensor>[] inputs = [.. batches.Select(chunk => (IReadOnlyList<Tensor>)[batch == 1 ? chunk[0] : Tensor.Concat(0, chunk)])];
        return inputs.Length > 0 ? inputs
            : throw new PruningException($"the model takes {batch} images at a time, and there are fewer to calibrate on; give more.");
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
        using var folder = new TemporaryFolder();
        using var weights = OnnxWeights.Open(Replayed(file, cuts, folder));
        weights.Save(path, module.ParametersByPlainName().Select(
            entry => TensorSource.From(entry.Name, entry.Parameter.Value.Cast(weights[entry.Name].DType))), Overwriting);
    }

    /// <summary>A file that cuts were carried out on again, one after the other.</summary>
    private static string Replayed(string path, IReadOnlyList<StageCut> cuts, TemporaryFolder folder)
    {
        foreach (var (number, cut) in cuts.Index())
        {
            var pruning = OnnxPruning.Open(path);
            path = folder[$"{number}{Ending}"];
            if (cut.Plan.Blocks is not null)
                pruning.Write(ResidualBlocks.Planned(pruning.Blocks, cut.Plan, pruning.Path), path);
            else
                pruning.Write(Removal.Of(pruning.Dependencies, cut.Plan), path, cut.Biases ?? []);
        }
        return path;
    }

    private static OnnxImageClassifier Load(string path)
    {
        using var opened = OnnxFile.Open(path);
        return new(new(opened));
    }

    private static IReadOnlyList<float> ForEach(IReadOnlyList<float> numbers, ImageData images) =>
        numbers is [var one] ? [.. Enumerable.Repeat(one, images.Channels)] : numbers;
}
