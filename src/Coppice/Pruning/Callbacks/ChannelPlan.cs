using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Modules;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Pruning.Callbacks;

/// <summary>Which channels of each batch normalisation are kept, as JSON: what a physical removal needs to know.</summary>
/// <param name="Version">Version of the format.</param>
/// <param name="Norms">One entry for each batch normalisation, in the model's order.</param>
public sealed record ChannelPlan(int Version, IReadOnlyList<PlannedChannels> Norms)
{
    /// <summary>The version this code writes and reads.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The plan that a model's masks amount to.</summary>
    public static ChannelPlan Of(IReadOnlyList<NormLink> links) => new(CurrentVersion, [.. links.Select(PlannedChannels.Of)]);

    /// <summary>Reads a plan.</summary>
    /// <exception cref="PruningException">Not a plan, or of another version.</exception>
    public static ChannelPlan Parse(string json)
    {
        try
        {
            var plan = JsonSerializer.Deserialize(json, ChannelPlanJson.Default.ChannelPlan);
            return plan?.Version == CurrentVersion
                ? plan
                : throw new PruningException(
                    $"The channel plan has version {plan?.Version}, this program reads version {CurrentVersion}; make it anew.");
        }
        catch (JsonException error)
        {
            throw new PruningException($"Not a channel plan: {error.Message}");
        }
    }

    /// <summary>What of a model can be cut out for good: channels that all normalisations of their group mask, and that all layers which read them see as
    /// zeros. Those of a shortcut go where every summand is masked.</summary>
    /// <param name="dependencies">Of the model whose masks the plan tells.</param>
    /// <param name="inputs">The graph's inputs, in its order, to look at what layers read.</param>
    /// <exception cref="PruningException">Nothing would be left of a group.</exception>
    public Removal ToRemoval(DependencyGraph dependencies, IReadOnlyList<Tensor> inputs)
    {
        var (removal, moments) = (new Removal(dependencies), ActivationMoments.Gather(dependencies.Graph, [inputs]));
        var kept = Norms.ToDictionary(norm => Module.Join(norm.Norm, "weight"), norm => norm.Kept);
        foreach (var group in dependencies.Groups)
        {
            var (stays, isMasked, isRead) = (new bool[group.Size], false, false);
            foreach (var member in group.Members)
            {
                var owners = member.OwnersOf(group);
                if (kept.TryGetValue(member.Value.Name, out var channels))
                    Keep(channels, out isMasked);
                foreach (var read in moments.Of(member).SelectMany(parts => parts))
                    Keep(read.Magnitudes.Index().Where(channel => channel.Item != 0).Select(channel => channel.Index), out isRead);

                void Keep(IEnumerable<int> indices, out bool isSeen)
                {
                    isSeen = true;
                    foreach (var index in indices)
                        if (owners[index] is >= 0 and var owner)
                            stays[owner] = true;
                }
            }
            if (isMasked && isRead)
                removal.Remove(group, stays.Index().Where(index => !index.Item).Select(index => index.Index));
        }
        return removal;
    }

    /// <summary>The plan as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ChannelPlanJson.Default.ChannelPlan);
}

/// <summary>The channels of one batch normalisation.</summary>
/// <param name="Norm">Its full name.</param>
/// <param name="Layer">Full name of the layer whose output it alone reads; null where there is none.</param>
/// <param name="Channels">Channels before.</param>
/// <param name="Kept">Those that are not masked, by their number before.</param>
/// <param name="Obstacle">Why they can't be cut out here alone; null where they can.</param>
public sealed record PlannedChannels(string Norm, string? Layer, int Channels, IReadOnlyList<int> Kept, string? Obstacle)
{
    internal static PlannedChannels Of(NormLink link)
    {
        var alive = OutputChannels.Of(link.NormName, null, 0, link.Norm).Alive();
        int[] kept = [.. Enumerable.Range(0, alive.Length).Where(channel => alive[channel])];
        return new(link.NormName, link.LayerName, alive.Length, kept, link.Obstacle);
    }
}

/// <summary>Generated (de)serialisation, so that plans work without reflection.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(ChannelPlan))]
internal sealed partial class ChannelPlanJson : JsonSerializerContext;
