using System.Numerics.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Compensation;

/// <summary>Solves A X = B for a symmetric positive definite A by A = L L^T.</summary>
internal sealed class Cholesky
{
    private readonly double[][] _rows;

    /// <summary>Factors a matrix.</summary>
    /// <param name="matrix">A by rows; what is above the diagonal is not read.</param>
    /// <exception cref="PruningException">It is not positive definite.</exception>
    public Cholesky(double[][] matrix)
    {
        _rows = [.. matrix.Select((row, i) => row[..(i + 1)])];
        for (var i = 0; i < _rows.Length; i++)
            for (var j = 0; j <= i; j++)
            {
                var rest = _rows[i][j] - TensorPrimitives.Dot<double>(_rows[i].AsSpan(0, j), _rows[j].AsSpan(0, j));
                if (i == j && !(rest > 0))
                    throw new PruningException("The calibration inputs leave a least-squares problem without one solution: give more of them, or "
                        + "a larger ridge.");
                _rows[i][j] = i == j ? Math.Sqrt(rest) : rest / _rows[j][j];
            }
    }

    /// <summary>Solves for several right sides in place.</summary>
    /// <param name="sides">Each the size of A.</param>
    public void Solve(double[][] sides) => Workers.For(sides.Length, side => Solve(sides[side]));

    private void Solve(double[] side)
    {
        for (var i = 0; i < side.Length; i++)
            side[i] = (side[i] - TensorPrimitives.Dot<double>(_rows[i].AsSpan(0, i), side.AsSpan(0, i))) / _rows[i][i];
        for (var i = side.Length - 1; i >= 0; i--)
        {
            side[i] /= _rows[i][i];
            TensorPrimitives.MultiplyAdd<double>(_rows[i].AsSpan(0, i), -side[i], side.AsSpan(0, i), side.AsSpan(0, i));
        }
    }
}
