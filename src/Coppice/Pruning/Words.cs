using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;

namespace Coppice.Pruning;

/// <summary>The words that stand for the members of an enumeration in recipes and on the command line.</summary>
internal static class Words
{
    public static IReadOnlyDictionary<string, T> Of<T>(JsonTypeInfo<T> type) where T : struct, Enum =>
        Enum.GetValues<T>().ToDictionary(member => JsonSerializer.SerializeToElement(member, type).GetString()!);
}

[JsonSerializable(typeof(CutCriterion))]
[JsonSerializable(typeof(CutGranularity))]
[JsonSerializable(typeof(CutCompensation))]
[JsonSerializable(typeof(MemberReduction))]
[JsonSerializable(typeof(ScoreNormalizer))]
internal sealed partial class WordsJson : JsonSerializerContext;
