namespace Coppice.Pruning.Dependency;

/// <summary>A group with the scores of its indices, and how many of them may go.</summary>
internal sealed class ScoredGroup
{
    private readonly int[] _order;
    private readonly double[] _scores;
    private readonly int _original;
    private readonly int _most;
    private readonly int _multiple;
    private readonly bool _isLimited;

    /// <param name="group">The group.</param>
    /// <param name="scores">A score for each index.</param>
    /// <param name="original">Its size before all pruning.</param>
    /// <param name="maxRatio">Largest share of that to remove.</param>
    /// <param name="multiple">What its size must be a multiple of.</param>
    public ScoredGroup(PruningGroup group, double[] scores, int original, double maxRatio, int multiple)
    {
        (Group, _scores, _original, _multiple, _isLimited) = (group, scores, original, multiple, maxRatio < 1);
        _order = [.. Enumerable.Range(0, scores.Length).OrderBy(index => scores[index])]; // stable: the lowest index of equal scores first
        _most = Math.Clamp(ShareOf.AtMost(maxRatio, original) - (original - Width), 0, group.Size - 1);
    }

    public PruningGroup Group { get; }

    private int Width => Group.Size + Group.Fixed;

    /// <summary>How many more indices go where this share of the original ones shall be gone.</summary>
    public int CountAt(double ratio) => Math.Clamp(Asked(ratio), 0, _most);

    /// <summary>Whether nothing would be left where this share of the original indices shall be gone.</summary>
    public bool IsEmptyAt(double ratio) => !_isLimited && Asked(ratio) >= Width;

    /// <summary>That many, or fewer, so that the size left is a multiple.</summary>
    public int Rounded(int count) => count == 0 ? 0 : Math.Max(0, Width - (Width - count + _multiple - 1) / _multiple * _multiple);

    /// <summary>The indices of the lowest scores.</summary>
    public IEnumerable<int> Lowest(int count) => _order.Take(count);

    /// <summary>Whether more would have to go than may, where this share of all shall be gone.</summary>
    public static bool IsTooMuch(IReadOnlyList<ScoredGroup> groups, double ratio) =>
        groups.All(group => !group._isLimited) && AskedTogether(groups, ratio) > groups.Sum(group => group._most);

    /// <summary>How many indices of each group go where this share of all, ranked together, shall be gone.</summary>
    public static Dictionary<ScoredGroup, int> CountTogether(IReadOnlyList<ScoredGroup> groups, double ratio)
    {
        var count = Math.Max(0, AskedTogether(groups, ratio));
        // What has to stay in its group does not compete.
        return groups.SelectMany(group => group._order.Take(group._most), (group, index) => (Group: group, Score: group._scores[index]))
            .OrderBy(entry => entry.Score).Take(count).CountBy(entry => entry.Group).ToDictionary();
    }

    private int Asked(double ratio) => (int)Math.Round(ratio * _original, MidpointRounding.ToEven) - (_original - Width);

    private static int AskedTogether(IReadOnlyList<ScoredGroup> groups, double ratio) =>
        (int)Math.Round(ratio * groups.Sum(group => group._original), MidpointRounding.ToEven)
        - groups.Sum(group => group._original - group.Width);
}
