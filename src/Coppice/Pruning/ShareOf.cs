namespace Coppice.Pruning;

/// <summary>Limits that are shares of a number of units, exact for shares as they are written: 0.58 of 100 is 58, though the product of the
/// doubles is 57.99....</summary>
/// <remarks>Amounts are rounded to the nearest, see <see cref="PruneAmount"/>; limits never to the other side.</remarks>
internal static class ShareOf
{
    /// <summary>The most units that are no more than the share.</summary>
    /// <param name="share">In 0..1.</param>
    /// <param name="units">Their number.</param>
    public static int AtMost(double share, int units) => (int)Math.Floor((decimal)share * units);

    /// <summary>The fewest units that are no less than the share.</summary>
    /// <param name="share">In 0..1.</param>
    /// <param name="units">Their number.</param>
    public static int AtLeast(double share, int units) => (int)Math.Ceiling((decimal)share * units);
}
