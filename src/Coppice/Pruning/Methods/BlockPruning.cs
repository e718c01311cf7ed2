using Coppice.Pruning.Importance;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;

namespace Coppice.Pruning.Methods;

/// <summary>Prunes the blocks of rows x columns weights with the smallest norm; the amount counts blocks of one weight.</summary>
/// <remarks>
/// Blocks of 4x1 and 16x1 are what the sparse CPU kernels use. A block spans <paramref name="Rows"/> outputs and
/// <paramref name="Columns"/> inputs, whichever
/// way the weight is stored; a convolution's inputs are in * kh * kw. Equal norms go by lowest block index, row by row as stored.
/// </remarks>
/// <param name="Rows">Outputs of a block; must divide the weight's.</param>
/// <param name="Columns">Inputs of a block; must divide the weight's.</param>
/// <param name="Norm">1 or 2.</param>
public sealed record BlockPruning(int Rows, int Columns, double Norm) : PruningMethod
{
    /// <inheritdoc/>
    public override MethodOptions Options => new("ln", $"{Rows}x{Columns}", Norm);

    /// <inheritdoc/>
    public override IReadOnlyList<WeightMask> ComputeMasks(PruneTask task)
    {
        if (Rows < 1 || Columns < 1)
            throw new PruningException($"{Rows}x{Columns} is no block: both sides must be 1 or more.");
        if (Norm is not (1 or 2))
            throw new PruningException($"Blocks are ranked by the L1 or the L2 norm, not L{Norm}.");
        var grids = task.Weights.Select(Grid).ToList();
        var counts = grids
            .Select((grid, i) => task.AmountOf(task.Weights[i]).Of(grid.Blocks, $"{Rows}x{Columns} blocks of '{task.Weights[i].Name}'"))
            .ToList();
        return [.. grids.Select((grid, i) => Mask(task.Weights[i], grid, counts[i], task.Semantics))];
    }

    private BlockMask Mask(SelectedWeight weight, BlockGrid grid, long count, PruneSemantics semantics)
    {
        var scores = BlockScores.Compute(weight.Source, grid, squared: Norm == 2);
        return new BlockMask(weight.Source.DType, semantics, grid, scores, KthKey.Find([new ArrayKeys<double>(scores)], count)[0]);
    }

    private BlockGrid Grid(SelectedWeight weight)
    {
        var view = MatrixView.Of(weight, this);
        if (view.Outputs % Rows != 0 || view.Inputs % Columns != 0)
            throw new PruningException($"'{weight.Name}' {weight.Source.Shape} has {view.Outputs} outputs and {view.Inputs} inputs, "
                + $"which {Rows}x{Columns} blocks don't fill; exclude it.");
        var (height, width) = view.InputMajor ? (Columns, Rows) : (Rows, Columns);
        var grid = new BlockGrid(view.Columns, height, width, (long)(view.Rows / height) * (view.Columns / width));
        return grid.Blocks <= Array.MaxLength
            ? grid
            : throw new PruningException($"'{weight.Name}' {weight.Source.Shape} has {grid.Blocks} blocks, too many to rank; "
                + "choose larger ones.");
    }
}
