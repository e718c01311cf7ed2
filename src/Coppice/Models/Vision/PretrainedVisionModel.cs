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

    private PretrainedVisionModel(VisionArchitecture architecture, ImageClassifier classifier) =>
        (Architecture, Classifier) = (architecture, classifier);

    /// <summary>The architecture.</summary>
    public VisionArchitecture Architecture { get; }

    /// <summary>The model with its weights.</summary>
    public ImageClassifier Classifier { get; }

    /// <summary>Opens a checkpoint and loads it, as F32; the number of classes is the last layer's.</summary>
    /// <param name="path">A state dictionary in any format of <see cref="Checkpoint.Open"/>; names may all begin with
    /// <c>module.</c>.</param>
    /// <param name="architecture">A name of <see cref="VisionModels.Known"/>.</param>
    /// <exception cref="ModelException">The architecture is unknown, or the tensors are not those of it.</exception>
    /// <exception cref="CheckpointException">The file is malformed.</exception>
    public static PretrainedVisionModel Open(string path, string architecture)
    {
        var known = VisionModels.Find(architecture)
            ?? throw new ModelException($"There is no architecture '{architecture}'; known are {string.Join(", ", VisionModels.Known)}.");
        using var checkpoint = Checkpoint.Open(path);
        var isParallel = checkpoint.Tensors.All(tensor => tensor.Name.StartsWith(ParallelPrefix, StringComparison.Ordinal));
        var skip = isParallel ? ParallelPrefix.Length : 0;
        var sources = checkpoint.Tensors.ToDictionary(tensor => tensor.Name[skip..]);
        if (!sources.TryGetValue(known.Head + ".weight", out var head) || head.Shape.Rank != 2)
            throw new ModelException($"{path} has no matrix '{known.Head}.weight', so it is not a {architecture}; "
                + "run 'coppice inspect' on it to see its names, and name its architecture.");
        var model = known.Create(head.Shape[0]);
        try
        {
            Load(model, sources);
        }
        catch (Exception error) when (error is StateDictException or NotSupportedException)
        {
            throw new ModelException($"{path} is not a {architecture}: {error.Message}", error);
        }
        return new(known, model);
    }

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
