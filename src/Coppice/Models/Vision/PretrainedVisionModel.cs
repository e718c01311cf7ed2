using System.Runtime.InteropServices;
using Coppice.Checkpoints;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Vision;

/// <summary>An image classifier opened from a state dictionary; the architecture's name tells what to compute.</summary>
public sealed class PretrainedVisionModel
{
    /// <summary>What torch.nn.DataParallel puts before each name.</summary>
    internal const string ParallelPrefix = "module.";

    private const string BatchCounter = ".num_batches_tracked";

    private PretrainedVisionModel(string path, string architectureName, ImageClassifier classifier, StructuralPlan? plan) =>
        (Path, ArchitectureName, Classifier, Plan) = (path, architectureName, classifier, plan);

    /// <summary>The file it came from.</summary>
    public string Path { get; }

    /// <summary>The architecture's name.</summary>
    public string ArchitectureName { get; }

    /// <summary>The architecture.</summary>
    public VisionArchitecture Architecture => VisionModels.Find(ArchitectureName)!;

    /// <summary>The model with its weights.</summary>
    public ImageClassifier Classifier { get; }

    /// <summary>All that was cut out of the model so far; null where nothing was.</summary>
    public StructuralPlan? Plan { get; private set; }

    /// <summary>Where the plan of a pruned file lies: beside it.</summary>
    public static string PlanPath(string path) => path + ".plan.json";

    /// <summary>Copies the plan of a pruned file, if it has one, beside a file that was made from it; a plan that a file replaced there has
    /// left goes.</summary>
    public static void CopyPlan(string source, string target) =>
        SavePlan(target, File.Exists(PlanPath(source)) ? File.ReadAllBytes(PlanPath(source)) : null);

    /// <summary>Writes the plan of a file beside it; without one, that which a file replaced there has left goes.</summary>
    /// <returns>What was written.</returns>
    internal static IEnumerable<string> SavePlan(string path, StructuralPlan? plan) => SavePlan(path, plan?.ToJson());

    /// <summary>Opens a checkpoint and loads it, as F32; the number of classes is the last layer's.</summary>
    /// <remarks>Of a pruned model, the file at <see cref="PlanPath"/> tells the sizes.</remarks>
    /// <param name="path">A state dictionary in any format of <see cref="Checkpoint.Open"/>; names may all begin with
    /// <c>module.</c>.</param>
    /// <param name="architecture">A name of <see cref="VisionModels.Known"/>.</param>
    /// <exception cref="ModelException">The architecture is unknown, or the tensors are not those of it.</exception>
    /// <exception cref="CheckpointException">The file is malformed.</exception>
    public static PretrainedVisionModel Open(string path, string architecture)
    {
        var known = Known(architecture);
        using var checkpoint = Checkpoint.Open(path);
        var skip = PrefixLength(checkpoint);
        var sources = checkpoint.Tensors.ToDictionary(tensor => tensor.Name[skip..]);
        var model = known.Create(LabelsIn(sources, known.Head, path, architecture));
        try
        {
            var plan = File.Exists(PlanPath(path)) ? StructuralPlan.Load(PlanPath(path)) : null;
            if (plan is not null && plan.Model != architecture)
                throw new StructuralPlanException($"the plan is of a {plan.Model}.");
            plan?.Apply(model);
            Load(model, sources);
            return new(path, architecture, model, plan);
        }
        catch (Exception error) when (error is StateDictException or StructuralPlanException or NotSupportedException)
        {
            throw new ModelException($"{path} is not a {architecture}, or was pruned and its plan {PlanPath(path)} is missing or "
                + $"another's: {error.Message}", error);
        }
    }

    /// <summary>How many classes a file's model tells apart; its weights are not read.</summary>
    /// <inheritdoc cref="Open" path="/exception"/>
    internal static int LabelsIn(string path, string architecture)
    {
        using var checkpoint = Checkpoint.Open(path);
        var skip = PrefixLength(checkpoint);
        return LabelsIn(checkpoint.Tensors.ToDictionary(tensor => tensor.Name[skip..]), Known(architecture).Head, path, architecture);
    }

    /// <summary>Notes what was cut out of <see cref="Classifier"/>, on top of what was before.</summary>
    /// <param name="plan">What a surgeon has carried out on it.</param>
    public void Record(StructuralPlan plan) => Plan = Plan?.Then(plan) ?? plan;

    /// <summary>Writes the model as a file like the one it came from, with its present weights as F32, and what was cut out of it to
    /// <see cref="PlanPath"/>.</summary>
    /// <param name="path">The new file.</param>
    /// <param name="options">Format, overwriting, progress.</param>
    /// <exception cref="CheckpointException">The source is gone or changed, or the output exists or can't be written.</exception>
    public void Save(string path, SaveOptions? options = null)
    {
        using var checkpoint = Checkpoint.Open(Path);
        var skip = PrefixLength(checkpoint);
        var state = Classifier.StateDict();
        checkpoint.Save(path, checkpoint.Tensors.ToDictionary(tensor => tensor.Name, Present), options);
        SavePlan(path, Plan);

        IReadOnlyList<TensorSource> Present(TensorSource tensor)
        {
            var name = tensor.Name[skip..];
            if (Plan?.LeavesOut(name) == true)
                return [];
            return state.TryGetValue(name, out var value) ? [TensorSource.From(tensor.Name, value)]
                : throw new ModelException($"{Path} holds '{name}', which the model opened from it has not: it has changed since, or has masks. "
                    + "Open it again, or make the masks permanent.");
        }
    }

    private static VisionArchitecture Known(string architecture) => VisionModels.Find(architecture)
        ?? throw new ModelException($"There is no architecture '{architecture}'; known are {string.Join(", ", VisionModels.Known)}.");

    private static int LabelsIn(Dictionary<string, TensorSource> sources, string headName, string path, string architecture) =>
        sources.TryGetValue(headName + ".weight", out var head) && head.Shape.Rank == 2 ? head.Shape[0]
            : throw new ModelException($"{path} has no matrix '{headName}.weight', so it is not a {architecture}; "
                + "run 'coppice inspect' on it to see its names, and name its architecture.");

    private static string[] SavePlan(string path, byte[]? plan)
    {
        if (plan is null)
        {
            File.Delete(PlanPath(path));
            return [];
        }
        AtomicOutput.Write(PlanPath(path), plan);
        return [PlanPath(path)];
    }

    private static int PrefixLength(Checkpoint checkpoint) =>
        checkpoint.Tensors.All(tensor => tensor.Name.StartsWith(ParallelPrefix, StringComparison.Ordinal)) ? ParallelPrefix.Length : 0;

    private static void Load(ImageClassifier model, Dictionary<string, TensorSource> sources)
    {
        var shapes = sources.ToDictionary(entry => entry.Key, entry => entry.Value.Shape);
        foreach (var name in model.StateDict().Keys.Where(name => name.EndsWith(BatchCounter, StringComparison.Ordinal)))
            shapes.TryAdd(name, []); // files of before PyTorch 0.4.1 have no counters; they start at 0
        model.LoadStateDict(shapes, (name, target) =>
        {
            if (!sources.TryGetValue(name, out var source))
                return;
            if (target.DType == DType.I64 && source.DType == DType.I64)
                source.Read(0, MemoryMarshal.AsBytes(target.AsSpan<long>()));
            else
                source.ReadInto(target);
        });
    }
}
