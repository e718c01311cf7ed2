using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Pruning.Depth;

/// <summary>A model without some of its blocks: the others move up, and config.json counts them.</summary>
public sealed class BlockRemoval
{
    private readonly PretrainedModel _model;
    private readonly FewerBlocks _smaller;

    /// <param name="model">A model of a folder, as it was opened: the weights are taken from there.</param>
    /// <param name="blocks">Numbers of the blocks that go.</param>
    /// <exception cref="PruningException">The model has no such block, or none would be left or go.</exception>
    /// <exception cref="ModelException">config.json says something that depends on the numbers of blocks.</exception>
    public BlockRemoval(PretrainedModel model, IEnumerable<int> blocks)
    {
        var count = BlocksOf(model).Blocks.Count;
        int[] removed = [.. blocks.Distinct().Order()];
        if (removed.Length == 0 || removed.Length >= count || removed[0] < 0 || removed[^1] >= count)
            throw new PruningException($"{model.Folder} has {count} blocks, 0 to {count - 1}, of which at least one goes and one stays; asked "
                + $"for is to remove [{string.Join(", ", removed)}].");
        Removed = removed;
        Kept = [.. Enumerable.Range(0, count).Except(removed)];
        (_model, _smaller) = (model, new(PretrainedFolder.Of(model), Kept));
    }

    /// <summary>Blocks that go, ascending.</summary>
    public IReadOnlyList<int> Removed { get; }

    /// <summary>Blocks that stay, ascending.</summary>
    public IReadOnlyList<int> Kept { get; }

    /// <summary>How many blocks an amount is of those that a model has or had, so that at least one goes and one stays.</summary>
    /// <param name="amount">A share, rounded, or a number.</param>
    /// <param name="blocks">How many there are, or were before any went.</param>
    /// <exception cref="PruningException">None would be left or go.</exception>
    public static int CountOf(PruneAmount amount, int blocks)
    {
        var count = amount.Of(amount.IsCount ? long.MaxValue : blocks, "blocks");
        return count > 0 && count < blocks ? (int)count
            : throw new PruningException($"an amount of {amount} would remove {count} of {blocks} blocks; at least one has to go, and one to stay.");
    }

    /// <summary>The model as one of blocks.</summary>
    /// <exception cref="PruningException">It is none.</exception>
    public static IBlockModel BlocksOf(PretrainedModel model) => model.Module as IBlockModel
        ?? throw new PruningException($"{model.Folder} holds a {model.Module.GetType().Name}, whose blocks can't be run one by one.");

    /// <summary>Runs the smaller model beside the original with the blocks left out, and writes it once they agree.</summary>
    /// <param name="output">The new folder; null to verify without writing.</param>
    /// <param name="ids">Token ids I64 [B, T] to run on.</param>
    /// <param name="options">Format, overwriting, progress.</param>
    /// <returns>The smaller model, and how the outputs compare.</returns>
    /// <exception cref="VerificationException">The outputs differ; nothing was written.</exception>
    /// <exception cref="CheckpointException">The source is gone or changed, or the output exists or can't be written.</exception>
    public (Module Smaller, Verification Verification) Save(string? output, Tensor ids, SaveOptions? options = null)
    {
        using var paused = Tape.Pause();
        using var checkpoint = Checkpoint.Open(_model.Folder);
        var module = _smaller.Build(checkpoint);
        var verification = Verify(BlocksOf(_model), Kept, (IBlockModel)module, ids);
        if (output is not null)
            _smaller.Save(checkpoint, output, options ?? new());
        return (module, verification);
    }

    /// <summary>Compares a smaller model with the original that leaves blocks out.</summary>
    /// <exception cref="VerificationException">The outputs differ.</exception>
    internal static Verification Verify(IBlockModel original, IReadOnlyList<int> kept, IBlockModel smaller, Tensor ids)
    {
        using var paused = Tape.Pause();
        using var scope = new TensorScope();
        var expected = Run(original, ids, kept);
        var actual = Run(smaller, ids, [.. Enumerable.Range(0, smaller.Blocks.Count)]);
        return Verification.Compare([("logits", true)], [expected], [actual], []);
    }

    private static Tensor Run(IBlockModel model, Tensor ids, IReadOnlyList<int> blocks) =>
        model.Finish(blocks.Aggregate(model.Embed(ids), (hidden, block) => model.RunBlock(block, hidden, mask: null)));
}
