using Coppice.Checkpoints;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;

namespace Coppice.Cli.Structural;

/// <summary>A most for the weight files of a pruned model.</summary>
/// <param name="bytes">The most.</param>
/// <param name="name">Name of the output, whose ending may say the format.</param>
internal sealed class SizeTarget(double bytes, string name)
{
    /// <summary>The budget that keeps a model's files within it.</summary>
    public GroupBudget BudgetOf(OpenedModel model, SaveOptions options) => FileSizeBudget.Of(bytes, model.Dependencies, name, path =>
    {
        model.Prune(new Removal(model.Dependencies), path, options, seed: 0);
        return Weights.Open(path);
    });

    /// <summary>Refuses what was written if it is larger after all.</summary>
    /// <exception cref="PruningException">It is.</exception>
    public void Check(string output)
    {
        using var written = Weights.Open(output);
        if (FileSizeBudget.SizeOf(written) is var size && size > bytes)
            throw new PruningException($"{output} was written, but takes {Reports.Bytes(size)}, not at most {Reports.Bytes((long)bytes)}: ask "
                + "for less.");
    }
}
