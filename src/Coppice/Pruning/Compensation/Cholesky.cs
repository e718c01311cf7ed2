using System.Numerics.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Compensation;

/// <summary>Solves A x = b for a symmetric positive definite A by A = L L^T.</summary>
internal sealed class Cholesky
{
    // What such a block of rows needs of those before it can be computed row by row, and so in parallel.
    private const int BlockRows = 64;

    private readonly double[][] _rows;

    /// <summary>Factors a matrix.</summary>
    /// <param name="matrix">A by rows; what is above the diagonal is not read.</param>
    /// <exception cref="PruningException">It is not positive definite.</exception>
    public Cholesky(double[][] matrix)
    {
        _rows = [.. matrix.Select((row, i) => row[..(i + 1)])];
        for (var start = 0; start < _rows.Length; start += BlockRows)
        {
            var (first, count) = (start, Math.Min(BlockRows, _rows.Length - start));
            Workers.For(count, row => Factor(first + row, 0, first));
            for (var i = first; i < first + count; i++)
                Factor(i, first, i + 1);
        }
    }

    /// <summary>Puts the solution in the place of the right side.</summary>
    /// <param name="side">The size of A.</param>
    public void Solve(double[] side)
    {
        for (var i = 0; i < side.Length; i++)
            side[i] = (side[i] - TensorPrimitives.Dot<double>(_rows[i].AsSpan(0, i), side.AsSpan(0, i))) / _rows[i][i];
        for (var i = side.Length - 1; i >= 0; i--)
        {
            side[i] /= _rows[i][i];
            TensorPrimitives.MultiplyAdd<double>(_rows[i].AsSpan(0, i), -side[i], side.AsSpan(0, i), side.AsSpan(0, i));
        }
    }

    /// <summary>Entries of a row of L, from one up to another, out of those before and the rows above.</summary>
    private void Factor(int i, int from, int to)
    {
        for (var j = from; j < to; j++)
        {
            var rest = _rows[i][j] - TensorPrimitives.Dot<double>(_rows[i].AsSpan(0, j), _rows[j].AsSpan(0, j));
            if (i == j && !(rest > 0))
                throw new PruningException("The calibration inputs leave a least-squares problem without one solution: give more of them, or "
                    + "a larger ridge.");
            _rows[i][j] = i == j ? Math.Sqrt(rest) : rest / _rows[j][j];
        }
    }
}
