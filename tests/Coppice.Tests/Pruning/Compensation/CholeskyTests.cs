using Coppice.Pruning;
using Coppice.Pruning.Compensation;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Compensation;

public sealed class CholeskyTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    [InlineData(150)] // several blocks of rows
    public void Solve_ProductsOfASolution_GivesItBack(int size)
    {
        var random = new RandomSource(size);
        double[][] factors = [.. Enumerable.Range(0, size).Select(_ => Row())];
        double[][] matrix = [.. factors.Select((row, i) => (double[])[.. factors.Select((other, j) => Dot(row, other) + (i == j ? 1 : 0))])];
        double[][] solutions = [Row(), Row(), Row()];
        double[][] sides = [.. solutions.Select(solution => (double[])[.. matrix.Select(row => Dot(row, solution))])];
        var factor = new Cholesky(matrix);
        Array.ForEach(sides, factor.Solve);
        Assert.All(sides.Zip(solutions), pair => Assert.Equal(pair.Second, pair.First, (a, b) => Math.Abs(a - b) < 1e-8));

        double[] Row() => [.. Enumerable.Range(0, size).Select(_ => random.NextDouble() - 0.5)];
        static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
    }

    [Fact]
    public void New_SingularMatrix_SaysWhatToDo() =>
        Assert.Contains("larger ridge", Assert.Throws<PruningException>(() => new Cholesky([[1, 1], [1, 1]])).Message, StringComparison.Ordinal);
}
