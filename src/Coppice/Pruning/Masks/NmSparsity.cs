using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>
/// N:M sparsity: of every M consecutive entries along the reduction axis the N with the largest |score| stay (2:4: Mishra et al. 2021).
/// </summary>
/// <remarks>Entries that are pruned already go first, equal ones by lowest index, so a repeat changes nothing.</remarks>
public sealed class NmSparsity : BasePruningMethod
{
    private readonly int _n;
    private readonly int _m;
    private readonly int _axis;

    /// <summary>A method for one pattern.</summary>
    /// <param name="n">Entries that stay of each group, from 1 to m - 1.</param>
    /// <param name="m">Size of a group, at most 64.</param>
    /// <param name="axis">
    /// The axis that products are summed along, of the weight as a matrix: 1 for Linear [out, in] and convolutions [out, in·kh·kw], 0 for
    /// GPT-2's Conv1D [in, out].
    /// </param>
    /// <exception cref="PruningException">No such pattern.</exception>
    /// <exception cref="ArgumentOutOfRangeException">No such axis.</exception>
    public NmSparsity(int n, int m, int axis = 1)
    {
        NmPattern.Require(n, m);
        MatrixView.RequireReductionAxis(axis);
        (_n, _m, _axis) = (n, m, axis);
    }

    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Global;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The reduction axis is not a multiple of m.</exception>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        var matrix = MatrixView.Of(scores.Shape, Target);
        matrix.RequireMultiple(_axis == 0 ? _m : 1, _axis == 0 ? 1 : _m, scores.Shape, Target);
        var (step, inner) = _axis == 0 ? (matrix.Columns, matrix.Columns) : (1, 1);
        var values = scores.AsReadOnlySpan<float>();
        var mask = defaultMask.AsSpan<float>();
        var keys = new long[_m];
        for (var block = 0; block < values.Length; block += _m * inner)
            for (var first = block; first < block + inner; first++)
                PruneGroup(values, mask, first, step, keys);
        return defaultMask;
    }

    private void PruneGroup(ReadOnlySpan<float> values, Span<float> mask, int first, int step, long[] keys)
    {
        for (var i = 0; i < _m; i++)
        {
            var at = first + i * step;
            keys[i] = mask[at] == 0 ? -1 : BitConverter.SingleToInt32Bits(values[at]) & int.MaxValue;
        }
        for (var left = _m - _n; left > 0; left--)
        {
            var lowest = 0;
            for (var i = 1; i < _m; i++)
                if (keys[i] < keys[lowest])
                    lowest = i;
            mask[first + lowest * step] = 0;
            keys[lowest] = long.MaxValue;
        }
    }
}
