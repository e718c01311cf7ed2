namespace Coppice.Evaluation;

/// <summary>McNemar's test of whether two classifiers, run on the same examples, are right equally often.</summary>
/// <remarks>
/// Only discordant examples, which exactly one of the two gets right, tell anything: n of them, which a fair coin would split evenly.
/// McNemar, "Note on the sampling error of the difference between correlated proportions or percentages", Psychometrika 12 (1947);
/// the continuity correction is Edwards' (1948).
/// </remarks>
/// <param name="OnlyBeforeRight">Examples right before and wrong after.</param>
/// <param name="OnlyAfterRight">Examples wrong before and right after.</param>
/// <param name="Exact">Whether the p-value is the exact binomial one (n below 25) or the chi-square approximation.</param>
/// <param name="PValue">Two-sided probability of a split at least this uneven if both were equally good.</param>
public sealed record McNemarTest(int OnlyBeforeRight, int OnlyAfterRight, bool Exact, double PValue)
{
    /// <summary>From this number of discordant examples on, chi-square replaces the exact binomial test.</summary>
    public const int ChiSquareFrom = 25;

    /// <summary>Tests a split of discordant examples.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A count is negative.</exception>
    public static McNemarTest Compute(int onlyBeforeRight, int onlyAfterRight)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(onlyBeforeRight);
        ArgumentOutOfRangeException.ThrowIfNegative(onlyAfterRight);
        var exact = (long)onlyBeforeRight + onlyAfterRight < ChiSquareFrom;
        var p = exact ? Binomial(onlyBeforeRight, onlyAfterRight) : ChiSquare(onlyBeforeRight, onlyAfterRight);
        return new McNemarTest(onlyBeforeRight, onlyAfterRight, exact, p);
    }

    // min(1, 2 * sum of C(n, i) / 2^n for i = 0..min(b, c)); n < 25, so every term is exact.
    private static double Binomial(int b, int c)
    {
        var n = b + c;
        double ways = 1, tail = 0;
        for (var i = 0; i <= Math.Min(b, c); i++)
        {
            tail += ways;
            ways = ways * (n - i) / (i + 1);
        }
        return Math.Min(1, Math.ScaleB(tail, 1 - n));
    }

    // (max(0, |b - c| - 1))^2 / (b + c) against chi-square with one degree of freedom, whose upper tail is erfc(sqrt(x / 2)).
    private static double ChiSquare(double b, double c)
    {
        var corrected = Math.Max(0, Math.Abs(b - c) - 1);
        return Erfc(corrected / Math.Sqrt(2 * (b + c)));
    }

    /// <summary>The complementary error function for x &gt;= 0: 1 minus erf's series 7.1.6 below 2, Laplace's continued fraction 7.1.14
    /// above (Abramowitz and Stegun).</summary>
    internal static double Erfc(double x)
    {
        if (x < 2)
        {
            double term = x, sum = x;
            for (var n = 1; term > sum * 1e-17; n++)
                sum += term *= 2 * x * x / (2 * n + 1);
            return 1 - 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
        }
        // 100 levels reach double precision at x = 2 and sooner above it.
        var fraction = x;
        for (var n = 100; n >= 1; n--)
            fraction = x + n / 2.0 / fraction;
        return Math.Exp(-x * x) / (Math.Sqrt(Math.PI) * fraction);
    }
}
