using Coppice.Data;
using Coppice.Modules;
using Coppice.Training;

namespace Coppice.Pruning.Criteria;

/// <summary>A batch normalisation of a model, and where its channels come from and go to.</summary>
/// <param name="NormName">Its full name.</param>
/// <param name="Norm">The module.</param>
/// <param name="LayerName">Full name of <paramref name="Layer"/>.</param>
/// <param name="Layer">The convolution or linear layer whose output it, and nothing else, reads; null where there is none.</param>
/// <param name="Obstacle">Why channels could not be cut out here alone; null where they can: layers that mix channels read them, and no
/// others.</param>
/// <param name="IsOutput">Whether no layer stands between its channels and the model's output: they may be the classes.</param>
public sealed record NormLink(string NormName, BatchNorm Norm, string? LayerName, Layer? Layer, string? Obstacle, bool IsOutput)
{
    /// <summary>Finds the links by running the model on the first batch of epoch 0, in evaluation mode; nothing of it changes.</summary>
    /// <returns>One for each batch normalisation that runs, in the model's order.</returns>
    public static IReadOnlyList<NormLink> Trace(TrainingTask task, DataLoader data)
    {
        if (!task.Module.NamedModules().Any(entry => entry.Module is BatchNorm))
            return [];
        using var batch = data.Batches(0).First();
        using var trace = new NormTrace(task.Module);
        return trace.Run(task, batch);
    }
}
