using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Modules;

namespace Coppice.Models;

/// <summary>Where a family's config.json and weights tell how many heads and neurons the layers have.</summary>
/// <param name="Layers">Member that says how many layers there are.</param>
/// <param name="Heads">Member that says how many heads a layer has, before <c>pruned_heads</c>.</param>
/// <param name="Width">Member that says how wide the model is.</param>
/// <param name="Inner">Member that says how many neurons all feed-forward layers have.</param>
/// <param name="HeadWeight">How the name of the weight that reads a layer's heads ends; {0} is the layer.</param>
/// <param name="InnerWeight">How the name of the weight that reads its neurons ends.</param>
/// <param name="InputAxis">Axis along which these weights read.</param>
/// <param name="ByToken">How the names of tensors end that have a row for each token; the embeddings first.</param>
/// <param name="Counts">Where the family counts heads of all layers at once; null where it lists <c>pruned_heads</c> by layer.</param>
public sealed record ModelSizes(string Layers, string Heads, string Width, string Inner, string HeadWeight, string InnerWeight, int InputAxis,
    IReadOnlyList<string> ByToken, HeadCounts? Counts = null)
{
    internal const string PrunedHeadsMember = "pruned_heads";

    /// <summary>Globs of the weights that read heads and neurons: what can be pruned and still be told by config.json.</summary>
    public IReadOnlyList<string> Globs => [$"*{HeadWeight.Replace("{0}", "*", StringComparison.Ordinal)}",
        $"*{InnerWeight.Replace("{0}", "*", StringComparison.Ordinal)}"];

    /// <summary>Whether a tensor, or one of the two that stand for it under a mask, has a row for each token.</summary>
    internal bool IsByToken(string name) => (MaskedName.WeightOfOriginal(name) ?? MaskedName.WeightOfMask(name) ?? name) is var weight
        && ByToken.Any(ending => $".{weight}".EndsWith($".{ending}", StringComparison.Ordinal));

    /// <summary>Where a tensor's name tells the number of its block; null where it is of none.</summary>
    internal (int Start, int Length)? BlockIn(string name)
    {
        var list = HeadWeight[..HeadWeight.IndexOf("{0}", StringComparison.Ordinal)];
        var start = name.StartsWith(list, StringComparison.Ordinal) ? list.Length
            : name.IndexOf('.' + list, StringComparison.Ordinal) is >= 0 and var found ? found + 1 + list.Length : -1;
        if (start < 0)
            return null;
        var length = name.AsSpan(start).IndexOfAnyExceptInRange('0', '9');
        return length > 0 && name[start + length] == '.' ? (start, length) : null;
    }

    /// <summary>What of a plan config.json can say, as Hugging Face reads it: removed heads by layer, or one number of heads for all layers and
    /// the model's width beside a size of heads; and one number of neurons.</summary>
    /// <param name="plan">What was cut out of the model.</param>
    /// <param name="config">config.json of before.</param>
    internal IReadOnlyList<ConfigEdit> EditsFor(StructuralPlan plan, JsonObject config)
    {
        var edits = new List<ConfigEdit>();
        if (Counts is null)
            Add(PrunedHeadsMember, HeadsAfter(plan, config));
        else
        {
            var (width, counts) = (WidthAfter(Counts, plan, config), CountsAfter(Counts, plan, config));
            Add(Heads, counts is null ? null : JsonValue.Create(counts.Value.Heads));
            Add(Counts.KeyHeads, counts is null ? null : JsonValue.Create(counts.Value.KeyHeads));
            // Where it is not said, it would be another share of a smaller width or of fewer heads.
            Add(Counts.HeadSize, width is null && counts is null ? null : JsonValue.Create(HeadSizeOf(Counts, config)));
            Add(Width, width is null ? null : JsonValue.Create(width.Value));
        }
        Add(Inner, InnerAfter(plan, config) is { } inner ? JsonValue.Create(inner) : null);
        return edits;

        void Add(string member, JsonNode? to)
        {
            if (to is not null && !JsonNode.DeepEquals(config[member], to))
                edits.Add(new(member, ElementOf(config[member]), ElementOf(to)));
        }
    }

    /// <summary>Whether <see cref="EditsFor"/> says all of a plan.</summary>
    internal bool Tells(StructuralPlan plan, JsonObject config)
    {
        var layers = Enumerable.Range(0, (int)config[Layers]!).ToList();
        var isNarrower = KeptOf(plan, ByToken[0], 0, axis: 1) is not null
            || layers.Exists(layer => KeptOf(plan, HeadWeight, layer, 1 - InputAxis) is not null || KeptOf(plan, InnerWeight, layer, 1 - InputAxis) is not null);
        var (heads, width) = ((int)config[Heads]!, (int)config[Width]!);
        return layers.Select(layer => KeptOf(plan, InnerWeight, layer, InputAxis)?.Count).Distinct().Count() == 1
            && (Counts is null
                ? !isNarrower && layers.TrueForAll(layer => WholeHeads(KeptOf(plan, HeadWeight, layer, InputAxis), heads, width / heads) is not null)
                : HeadsLeft(Counts, plan, config) is [({ }, { })] && (!isNarrower || WidthAfter(Counts, plan, config) is not null));
    }

    /// <summary>config.json with edits made.</summary>
    internal static void Make(IReadOnlyList<ConfigEdit> edits, JsonObject config)
    {
        foreach (var (member, _, to) in edits)
            Set(config, member, to);
    }

    /// <summary>config.json as it was before edits were made.</summary>
    /// <exception cref="ArgumentException">It does not say what the edits made of it.</exception>
    internal static void Undo(IReadOnlyList<ConfigEdit> edits, JsonObject config)
    {
        foreach (var (member, from, to) in edits)
        {
            if (!JsonNode.DeepEquals(config[member], NodeOf(to)))
                throw new ArgumentException($"config.json says {member} is {config[member]?.ToJsonString() ?? "missing"}, "
                    + $"{PretrainedModel.PlanFile} says it is {to}; take both from one folder, or remove {PretrainedModel.PlanFile} if "
                    + "config.json alone is right.");
            Set(config, member, from);
        }
    }

    private static void Set(JsonObject config, string member, JsonElement? value)
    {
        if (value is null)
            config.Remove(member);
        else
            config[member] = NodeOf(value);
    }

    private JsonObject? HeadsAfter(StructuralPlan plan, JsonObject config)
    {
        var (heads, width) = ((int)config[Heads]!, (int)config[Width]!);
        var before = config[PrunedHeadsMember]?.Deserialize(ConfigJson.Default.IReadOnlyDictionaryStringIReadOnlyListInt32);
        var after = new JsonObject();
        foreach (var layer in Enumerable.Range(0, (int)config[Layers]!))
        {
            var left = PrunedHeads.Left(before, layer, heads);
            if (KeptOf(plan, HeadWeight, layer, InputAxis) is { } kept)
                left = [.. kept.Select(index => left[index / (width / heads)]).Distinct()];
            if (left.Count < heads)
                after[layer.ToString(CultureInfo.InvariantCulture)] =
                    new JsonArray([.. Enumerable.Range(0, heads).Except(left).Select(head => JsonValue.Create(head))]);
        }
        return after.Count > 0 ? after : null;
    }

    /// <summary>The number of neurons that all layers have; null where they differ.</summary>
    private int? InnerAfter(StructuralPlan plan, JsonObject config)
    {
        var widths = Enumerable.Range(0, (int)config[Layers]!).Select(layer => KeptOf(plan, InnerWeight, layer, InputAxis)?.Count).Distinct().ToList();
        return widths is [{ } only] ? only : null;
    }

    /// <summary>The heads that all layers have; null where none went, or layers differ, or parts of heads went.</summary>
    private (int Heads, int KeyHeads)? CountsAfter(HeadCounts counts, StructuralPlan plan, JsonObject config)
    {
        var heads = (int)config[Heads]!;
        return HeadsLeft(counts, plan, config) is [({ } queries, { } keys)] && (queries, keys) != (heads, KeyHeadsOf(counts, config))
            ? (queries, keys) : null;
    }

    /// <summary>What layers are left with, each once; null where parts of heads went.</summary>
    private List<(int? Heads, int? KeyHeads)> HeadsLeft(HeadCounts counts, StructuralPlan plan, JsonObject config)
    {
        var size = HeadSizeOf(counts, config);
        return [.. Enumerable.Range(0, (int)config[Layers]!).Select(layer => (
            WholeHeads(KeptOf(plan, HeadWeight, layer, InputAxis), (int)config[Heads]!, size),
            WholeHeads(KeptOf(plan, counts.KeyWeight, layer, axis: 0), KeyHeadsOf(counts, config), size))).Distinct()];
    }

    private int KeyHeadsOf(HeadCounts counts, JsonObject config) => (int?)config[counts.KeyHeads] ?? (int)config[Heads]!;

    private int HeadSizeOf(HeadCounts counts, JsonObject config) => (int?)config[counts.HeadSize] ?? (int)config[Width]! / (int)config[Heads]!;

    /// <summary>The model's width; null where it is as it was, or the layers differ in it.</summary>
    private int? WidthAfter(HeadCounts counts, StructuralPlan plan, JsonObject config)
    {
        var kept = KeptOf(plan, ByToken[0], 0, axis: 1);
        return kept is not null && Enumerable.Range(0, (int)config[Layers]!).All(layer => IsKept(HeadWeight, layer, 1 - InputAxis)
            && IsKept(InnerWeight, layer, 1 - InputAxis) && IsKept(counts.KeyWeight, layer, axis: 1)) ? kept.Count : null;

        bool IsKept(string weight, int layer, int axis) => KeptOf(plan, weight, layer, axis) is { } own && own.SequenceEqual(kept!);
    }

    /// <summary>How many heads are left of so many; null where not all of a head stayed or went.</summary>
    private static int? WholeHeads(IReadOnlyList<int>? kept, int heads, int size) => kept is null ? heads
        : kept.Count % size == 0 && kept.Index().All(entry => entry.Item % size == entry.Index % size) ? kept.Count / size
        : null;

    private static IReadOnlyList<int>? KeptOf(StructuralPlan plan, string weight, int layer, int axis)
    {
        var name = string.Format(CultureInfo.InvariantCulture, weight, layer);
        return plan.Tensors.FirstOrDefault(tensor => tensor.Name == name || tensor.Name.EndsWith("." + name, StringComparison.Ordinal))?
            .Axes.FirstOrDefault(entry => entry.Axis == axis)?.Kept;
    }

    private static JsonElement? ElementOf(JsonNode? node) => node is null ? null : JsonElement.Parse(node.ToJsonString());

    private static JsonNode? NodeOf(JsonElement? element) => element is { } value ? JsonNode.Parse(value.GetRawText()) : null;
}

/// <summary>Members of config.json that count the heads of grouped-query attention, the same in all layers.</summary>
/// <param name="KeyHeads">How many key heads a layer has.</param>
/// <param name="HeadSize">How large a head is, where it is not the model's width by the heads.</param>
/// <param name="KeyWeight">How the name of the weight that makes the keys ends, by its first axis; {0} is the layer.</param>
public sealed record HeadCounts(string KeyHeads, string HeadSize, string KeyWeight);
