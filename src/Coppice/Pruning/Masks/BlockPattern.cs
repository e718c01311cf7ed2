using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>
/// Prunes whole tiles of a weight as a matrix, those of smallest sum of |score| (4x1, 16x1, RxC: what sparse kernels skip).
/// </summary>
/// <remarks>Equal sums go by lowest tile, row by row. A tile counts as remaining while any of its entries does.</remarks>
public sealed class BlockPattern : BasePruningMethod
{
    private readonly int _rows;
    private readonly int _columns;
    private readonly PruneAmount _amount;

    /// <summary>A method for one tile size.</summary>
    /// <param name="outputs">Outputs that a tile spans.</param>
    /// <param name="inputs">Inputs that a tile spans; a convolution's are in·kh·kw.</param>
    /// <param name="amount">Of the tiles that remain.</param>
    /// <param name="axis">The reduction axis, that of the inputs, as in <see cref="NmSparsity"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or no such axis.</exception>
    public BlockPattern(int outputs, int inputs, PruneAmount amount, int axis = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        MatrixView.RequireReductionAxis(axis);
        (_rows, _columns) = axis == 1 ? (outputs, inputs) : (inputs, outputs);
        _amount = amount;
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
