using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Selection;
using Coppice.Tensors;

namespace Coppice.Recipes;

/// <summary>A recipe's model as a source: it can be opened as it was at the start any number of times, knows how its data is read, and how it
/// is stored.</summary>
internal abstract class RecipeModel
{
    /// <summary>Finds out what a recipe's model is; the files are opened when the model is.</summary>
    /// <exception cref="RecipeException">There is no such path, or what it holds needs another key.</exception>
    public static RecipeModel Of(RecipeFile file)
    {
        var source = file.Recipe.Model;
        return source.Path is null
            ? VisionRecipeModel.FromScratch(file.Path, source, file.Recipe.Seed)
            : Of(file, source.Path, source.Architecture, "model.path");
    }

    /// <summary>The model at a path.</summary>
    public static RecipeModel Of(RecipeFile file, string path, string? architecture, string place)
    {
        var full = file.Resolve(path);
        if (!System.IO.Path.Exists(full))
            throw new RecipeException(file.Path, place, RecipeData.Missing(file, full));
        if (full.EndsWith(OnnxRecipeModel.Ending, StringComparison.OrdinalIgnoreCase))
            return new OnnxRecipeModel(full, file.Recipe.Model);
        if (architecture is not null)
            return VisionRecipeModel.FromFile(file.Path, full, architecture);
        return Directory.Exists(full)
            ? new TextRecipeModel(full)
            : throw new RecipeException(file.Path, "model.architecture",
                $"{full} is a file of weights, which does not say what to compute; name its architecture.");
    }

    /// <summary>A folder that is there, for files that cuts leave and that are needed again; those that are lost are made anew. Null while nothing
    /// was cut.</summary>
    public string? Workspace { get; set; }

    /// <summary>Name of the file or folder that the model is written to within the run's.</summary>
    public abstract string OutputName { get; }

    /// <summary>The files it is read from.</summary>
    public abstract IReadOnlyList<string> Files { get; }

    /// <summary>What config.json says.</summary>
    public abstract ModelFacts Facts { get; }

    /// <summary>Whether examples have one class each, so that F1 means something; else tokens are predicted.</summary>
    public abstract bool Classifies { get; }

    /// <summary>How many blocks the model has at the start; 0 where they can't be run one by one.</summary>
    public virtual int Blocks => 0;

    /// <summary>The model as it is at the start; each call gives another with equal values.</summary>
    public abstract Module Open();

    /// <summary>What cuts leave of the model as it is at the start.</summary>
    public virtual Module Open(IReadOnlyList<StageCut> cuts) => Carry(Open(), [], cuts);

    /// <summary>Does cuts of a run again, on a model with other values.</summary>
    /// <param name="module">The model; it may be the one that becomes smaller.</param>
    /// <param name="before">What was cut out of it before.</param>
    /// <param name="cuts">What to cut.</param>
    /// <returns>The smaller model.</returns>
    public virtual Module Carry(Module module, IReadOnlyList<StageCut> before, IReadOnlyList<StageCut> cuts)
    {
        foreach (var cut in cuts)
            cut.Plan.Apply(module);
        return module;
    }

    /// <summary>All that cuts of a run took from tensors that are still there, by their present names; null for nothing.</summary>
    public virtual StructuralPlan? Joined(IReadOnlyList<StageCut> cuts) =>
        StructuralPlan.Joined(cuts.Select(cut => cut.Plan));

    /// <summary>A model of this kind made ready to be cut, in evaluation.</summary>
    /// <param name="module">The model.</param>
    /// <param name="before">What was cut out of it before.</param>
    public virtual CutModel Cutting(Module module, IReadOnlyList<StageCut> before) => new LiveCutModel(Trace(module));

    /// <summary>Globs of what is cut out unless a recipe says otherwise; empty for all.</summary>
    public virtual IReadOnlyList<string> CutScope => [];

    /// <summary>A model of this kind with its computation, in evaluation.</summary>
    public abstract TracedModel Trace(Module module);

    /// <summary>Inputs of the computation out of examples, without targets: images in batches as it takes them.</summary>
    /// <param name="examples">One each.</param>
    /// <param name="count">How many inputs, at the most.</param>
    /// <param name="graph">The computation.</param>
    /// <exception cref="PruningException">The examples have not enough for one.</exception>
    public virtual IReadOnlyList<IReadOnlyList<Tensor>> Inputs(IEnumerable<TrainingBatch> examples, int count, Graph graph) =>
        CalibrationInputs.OfImages(examples.Select(example => ((ImageBatch)example).Images), graph.Inputs[0].SampleShape[0], count, TrainingExamples);

    /// <summary>The examples of a file, for this model.</summary>
    /// <param name="path">Full path.</param>
    /// <param name="data">How they are cut and changed.</param>
    /// <param name="isTraining">Whether they are trained on.</param>
    public abstract TrainingData Read(string path, DataSource data, bool isTraining);

    /// <summary>Writes a model of this kind, in the format it came in.</summary>
    /// <param name="module">The model, without masks.</param>
    /// <param name="cuts">What the recipe cut out of it.</param>
    /// <param name="path">File or folder; what is there is replaced.</param>
    /// <returns>What was written: the model first.</returns>
    public abstract IReadOnlyList<string> Save(Module module, IReadOnlyList<StageCut> cuts, string path);

    /// <summary>Opens what <see cref="Save"/> wrote.</summary>
    public virtual IWeightStore Written(string path) => Checkpoint.Open(path);

    /// <summary>What <see cref="Inputs"/> are taken from, for messages.</summary>
    protected const string TrainingExamples = "the training data";

    /// <summary>How weights are stored and named at the output.</summary>
    protected static SaveOptions Overwriting { get; } = new() { Overwrite = true };
}
