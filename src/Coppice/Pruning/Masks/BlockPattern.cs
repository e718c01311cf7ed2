using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>
/// Prunes whole tiles of a weight as a matrix, those of smallest sum of |score| (4x1, 16x1, RxC: what block-sparse kernels skip).
/// </summary>
/// <remarks>Equal sums go by lowest tile, row by row. A tile counts as remaining while any of its entries does.</remarks>
public sealed class BlockPattern : BasePruningMethod
{
    private readonly int _rows;
    private readonly int _columns;
    private readonly PruneAmount _amount;

    /// <summary>A method for one tile size.</summary>
    /// <param name="rows">Height of a tile, along the weight's first axis.</param>
    /// <param name="columns">Width of a tile, along all other axes flattened.</param>
    /// <param name="amount">Of the tiles that remain.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive.</exception>
    public BlockPattern(int rows, int columns, PruneAmount amount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        (_rows, _columns, _amount) = (rows, columns, amount);
    }

    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Global;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The tiles do not fill the weight.</exception>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        var matrix = MatrixView.Of(scores.Shape, Target);
        matrix.RequireMultiple(_rows, _columns, scores.Shape, Target);
        var values = scores.AsReadOnlySpan<float>();
        var mask = defaultMask.AsSpan<float>();
        var sums = new double[values.Length / _rows / _columns];
        var remains = new bool[sums.Length];
        for (var i = 0; i < values.Length; i++)
            if (mask[i] != 0)
            {
                sums[Tile(i, matrix)] += Math.Abs(values[i]);
                remains[Tile(i, matrix)] = true;
            }
        var tiles = Enumerable.Range(0, sums.Length).Where(tile => remains[tile]).ToArray();
        var count = _amount.Of(tiles.Length, $"remaining {_rows}x{_columns} tiles of {Target}");
        var marked = Lowest.Of(Array.ConvertAll(tiles, tile => sums[tile]), count);
        for (var t = 0; t < tiles.Length; t++)
            remains[tiles[t]] = !marked[t];
        for (var i = 0; i < mask.Length; i++)
            if (!remains[Tile(i, matrix)])
                mask[i] = 0;
        return defaultMask;
    }

    private int Tile(int index, MatrixView matrix) =>
        index / matrix.Columns / _rows * (matrix.Columns / _columns) + index % matrix.Columns / _columns;
}
