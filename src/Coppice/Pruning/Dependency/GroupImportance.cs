using System.Text.Json.Serialization;

namespace Coppice.Pruning.Dependency;

/// <summary>How the scores of a group's members become one.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MemberReduction>))]
public enum MemberReduction
{
    /// <summary>Their mean.</summary>
    [JsonStringEnumMemberName("mean")]
    Mean,

    /// <summary>Their sum: an index of many weights matters more.</summary>
    [JsonStringEnumMemberName("sum")]
    Sum,

    /// <summary>The largest.</summary>
    [JsonStringEnumMemberName("max")]
    Max,

    /// <summary>Their product.</summary>
    [JsonStringEnumMemberName("product")]
    Product,

    /// <summary>The first member's, usually of the weight that makes the indices.</summary>
    [JsonStringEnumMemberName("first")]
    First,
}

/// <summary>What scores are divided by, so that groups can be ranked together.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ScoreNormalizer>))]
public enum ScoreNormalizer
{
    /// <summary>Nothing.</summary>
    [JsonStringEnumMemberName("none")]
    None,

    /// <summary>The group's mean score.</summary>
    [JsonStringEnumMemberName("mean")]
    Mean,

    /// <summary>The group's largest score.</summary>
    [JsonStringEnumMemberName("max")]
    Max,

    /// <summary>The sum of all scores of the group that are not lower (Lee et al. 2021, LAMP).</summary>
    [JsonStringEnumMemberName("lamp")]
    Lamp,
}

/// <summary>Scores the indices of groups.</summary>
/// <param name="Criterion">Scores them in one member.</param>
/// <param name="Reduction">Brings the members together.</param>
/// <param name="Normalizer">Makes groups comparable.</param>
public sealed record GroupImportance(
    GroupCriterion Criterion, MemberReduction Reduction = MemberReduction.Mean, ScoreNormalizer Normalizer = ScoreNormalizer.Mean)
{
    /// <summary>What brings members together, by name.</summary>
    public static IReadOnlyDictionary<string, MemberReduction> Reductions { get; } = Words.Of(WordsJson.Default.MemberReduction);

    /// <summary>What makes groups comparable, by name.</summary>
    public static IReadOnlyDictionary<string, ScoreNormalizer> Normalizers { get; } = Words.Of(WordsJson.Default.ScoreNormalizer);

    /// <summary>A score for each index of a group; null where the criterion has nothing to say of it.</summary>
    /// <exception cref="PruningException">A score is not finite.</exception>
    public double[]? Score(PruningGroup group)
    {
        var members = group.Members.Select(member => Criterion.Score(group, member)).OfType<double[]>().ToList();
        if (members.Count == 0)
            return null;
        double[] scores = [.. Enumerable.Range(0, group.Size).Select(index => Reduce([.. members.Select(member => member[index])]))];
        if (!Array.TrueForAll(scores, double.IsFinite))
            throw new PruningException($"{Criterion.GetType().Name} scored {group} not finite: repair the weights, or look at the data "
                + "that gradients came from.");
        return Normalize(scores);
    }

    private double Reduce(double[] scores) => Reduction switch
    {
        MemberReduction.Mean => scores.Average(),
        MemberReduction.Sum => scores.Sum(),
        MemberReduction.Max => scores.Max(),
        MemberReduction.Product => scores.Aggregate((product, score) => product * score),
        _ => scores[0],
    };

    private double[] Normalize(double[] scores)
    {
        if (Normalizer == ScoreNormalizer.Lamp)
            return Lamp(scores);
        var unit = Normalizer switch
        {
            ScoreNormalizer.Mean => scores.Average(),
            ScoreNormalizer.Max => scores.Max(),
            _ => 1,
        };
        return unit == 0 ? scores : [.. scores.Select(score => score / unit)];
    }

    private static double[] Lamp(double[] scores)
    {
        var result = new double[scores.Length];
        var notLower = 0.0;
        foreach (var index in Enumerable.Range(0, scores.Length).OrderByDescending(index => scores[index]))
        {
            notLower += scores[index];
            result[index] = notLower == 0 ? 0 : scores[index] / notLower;
        }
        return result;
    }
}
