using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Pruning;

namespace Coppice.Recipes;

/// <summary>A whole run: which model, on which data, what is done to it stage after stage.</summary>
/// <remarks>Paths are relative to the recipe's file. Every run of a recipe gives the same bytes on any number of threads.</remarks>
/// <param name="Model">The model at the start.</param>
/// <param name="Data">What it learns from and is measured on.</param>
/// <param name="Stages">What is done, in order.</param>
/// <param name="Seed">Decides initial weights, the order of the data, augmentation and dropout.</param>
/// <param name="Output">Folder of the run; where it is left out, the command line names it.</param>
/// <param name="Description">A word on what the recipe is for.</param>
/// <param name="Variables">Values that stand for <c>${name}</c> anywhere in the recipe, and that a run may set otherwise.</param>
/// <param name="Schema">Where editors find the schema of recipes.</param>
public sealed record Recipe(
    ModelSource Model,
    DataSource Data,
    IReadOnlyList<RecipeStage> Stages,
    int Seed = 0,
    string? Output = null,
    string? Description = null,
    IReadOnlyDictionary<string, JsonElement>? Variables = null,
    [property: JsonPropertyName("$schema")] string? Schema = null);

/// <summary>Where the model comes from: a Hugging Face folder; an image classifier's ONNX file, or file of weights with its architecture; or an
/// architecture with a number of classes, whose weights are drawn.</summary>
/// <param name="Path">A Hugging Face folder, or an image classifier's ONNX file or file of weights.</param>
/// <param name="Architecture">Name of an image classifier's architecture, such as <c>resnet20</c>.</param>
/// <param name="Classes">Number of classes of a model that begins with random weights.</param>
/// <param name="Mean">Of an ONNX file: subtracted from pixels scaled to 0..1, one number or one for each channel; 0 without it.</param>
/// <param name="Std">Of an ONNX file: what the difference is divided by; 1 without it.</param>
public sealed record ModelSource(string? Path = null, string? Architecture = null, int? Classes = null, IReadOnlyList<float>? Mean = null,
    IReadOnlyList<float>? Std = null);

/// <summary>The data of a run. Images: a CIFAR or MNIST file, or a folder of them or of pictures; labelled texts: <c>text TAB label</c> a line;
/// corpora: plain text, or JSON lines with a <c>text</c> each.</summary>
/// <param name="Train">What is trained on.</param>
/// <param name="Validation">What the model is measured on while it is trained.</param>
/// <param name="Test">What the model is measured on before the first and after every stage; else the validation data is.</param>
/// <param name="TakeFirst">Trains on so many of the first examples alone.</param>
/// <param name="HoldOut">Takes the last examples of the training data for validation: a share below 1, or a number.</param>
/// <param name="Augmentation">How training images are changed at random.</param>
/// <param name="MaxLength">Tokens of a labelled text that are kept; else as many as the model sees.</param>
/// <param name="Window">Tokens of a corpus that a language model sees at once; else as many as it can, at most 1024.</param>
public sealed record DataSource(
    string? Train = null,
    string? Validation = null,
    string? Test = null,
    int? TakeFirst = null,
    double? HoldOut = null,
    AugmentationSettings? Augmentation = null,
    int? MaxLength = null,
    int? Window = null);

/// <summary>How training images are changed, drawn anew for each image and epoch.</summary>
/// <param name="Padding">Zeros around the image, out of which a part of its size is cut.</param>
/// <param name="Flip">Whether every second image, on average, is turned left to right.</param>
public sealed record AugmentationSettings(int Padding = 0, bool Flip = false);

/// <summary>One thing that is done to the model.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type", UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(TrainStage), "train")]
[JsonDerivedType(typeof(PruneStage), "prune")]
[JsonDerivedType(typeof(CutStage), "cut")]
[JsonDerivedType(typeof(RewindStage), "rewind")]
[JsonDerivedType(typeof(EvaluateStage), "evaluate")]
public abstract record RecipeStage
{
    private protected RecipeStage()
    {
    }

    /// <summary>The word that stands for it in recipes and reports.</summary>
    internal abstract string Type { get; }
}

/// <summary>Trains: from scratch, to fine-tune, with a regulariser, while pruning gradually, from a teacher.</summary>
/// <param name="Optimizer">What turns gradients into updates.</param>
/// <param name="Epochs">Passes over the training data; this or <paramref name="Steps"/>.</param>
/// <param name="Steps">Updates of the weights; this or <paramref name="Epochs"/>.</param>
/// <param name="BatchSize">Examples of a batch.</param>
/// <param name="Schedule">The learning rate over time; constant where left out.</param>
/// <param name="Accumulate">Batches whose gradients are averaged for one update.</param>
/// <param name="ClipNorm">Largest L2 norm of all gradients together.</param>
/// <param name="LabelSmoothing">Share of each target that is spread over all classes.</param>
/// <param name="Ema">Decay of a running mean of the weights, which is what is measured and kept.</param>
/// <param name="EarlyStopping">Ends the stage after so many measurements without a lower validation loss.</param>
/// <param name="KeepBest">Whether the weights at the lowest validation loss are kept instead of the last.</param>
/// <param name="EvaluateEvery">Steps from one measurement on the validation data to the next; once an epoch where left out.</param>
/// <param name="SaveEvery">Steps from one writing of the state, which a killed run goes on from, to the next.</param>
/// <param name="Slimming">Pulls the scales of batch normalisation to 0, so that channels can be cut afterwards.</param>
/// <param name="Regularize">Pulls whole channels, heads and neurons to 0, so that they can be cut afterwards.</param>
/// <param name="Growing">Pulls to 0, ever harder, what the next stage that cuts is going to cut.</param>
/// <param name="Prune">Prunes gradually during the stage.</param>
/// <param name="Distill">Learns from a teacher too.</param>
public sealed record TrainStage(
    OptimizerSettings Optimizer,
    int? Epochs = null,
    long? Steps = null,
    int BatchSize = 64,
    ScheduleSettings? Schedule = null,
    int Accumulate = 1,
    double? ClipNorm = null,
    double LabelSmoothing = 0,
    double? Ema = null,
    int? EarlyStopping = null,
    bool KeepBest = false,
    long? EvaluateEvery = null,
    long SaveEvery = 200,
    SlimmingSettings? Slimming = null,
    RegularizeSettings? Regularize = null,
    GrowingSettings? Growing = null,
    GradualSettings? Prune = null,
    DistillSettings? Distill = null) : RecipeStage
{
    internal override string Type => "train";
}

/// <summary>Prunes at once.</summary>
/// <param name="Amount">Share of the weights or channels in scope that are zero afterwards.</param>
/// <param name="Criterion">What decides which go.</param>
/// <param name="Scope">Whether all are ranked together or each tensor loses the amount.</param>
/// <param name="Granularity">Single weights, or whole output channels.</param>
/// <param name="Include">Globs of the weights in scope, instead of the default scope.</param>
/// <param name="Exclude">Globs of weights taken out of the scope.</param>
/// <param name="CalibrationBatches">Batches of training data that gradients are summed over, where the criterion needs them.</param>
/// <param name="BatchSize">Examples of such a batch.</param>
public sealed record PruneStage(
    double Amount,
    PruningCriterion Criterion = PruningCriterion.Magnitude,
    PruneScope Scope = PruneScope.Global,
    PruningGranularity Granularity = PruningGranularity.Weight,
    IReadOnlyList<string>? Include = null,
    IReadOnlyList<string>? Exclude = null,
    int CalibrationBatches = 8,
    int BatchSize = 64) : RecipeStage
{
    internal override string Type => "prune";
}

/// <summary>Puts back the weights of before a stage under the present masks: the lottery ticket (Frankle and Carbin 2019).</summary>
/// <param name="Stage">Number of the stage, from 0; its predecessors may be some first steps of training (Frankle et al. 2020).</param>
public sealed record RewindStage(int Stage = 0) : RecipeStage
{
    internal override string Type => "rewind";
}

/// <summary>Measures the model and does nothing to it.</summary>
/// <param name="Data">On which data.</param>
public sealed record EvaluateStage(EvaluationData Data = EvaluationData.Test) : RecipeStage
{
    internal override string Type => "evaluate";
}
