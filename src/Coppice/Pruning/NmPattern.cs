namespace Coppice.Pruning;

/// <summary>What N:M patterns there are: N of every M consecutive weights stay, such as 2:4.</summary>
internal static class NmPattern
{
    private const int LargestGroup = 64;

    /// <summary>Refuses what is none.</summary>
    /// <exception cref="PruningException">N is less than 1 or not less than M, or M is more than 64.</exception>
    public static void Require(int n, int m)
    {
        if (n < 1 || n >= m || m > LargestGroup)
            throw new PruningException($"{n}:{m} is no N:M pattern: N must be at least 1 and less than M, and M at most {LargestGroup}, as in 2:4.");
    }
}
