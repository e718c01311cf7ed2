using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Modules;

namespace Coppice.Models;

/// <summary>A folder's model with some of its blocks alone, numbered anew: names of tensors, config.json and what was cut before.</summary>
/// <param name="folder">The folder, with what was cut out of its model when it was opened.</param>
/// <param name="kept">Blocks that stay, ascending.</param>
internal sealed class FewerBlocks(PretrainedFolder folder, IReadOnlyList<int> kept)
{
    private const string LayerTypes = "layer_types";

    // What these members ask for hangs on the number of a block, so that a block computes something else at another place.
    private static readonly string[] ByNumber = ["scale_attn_by_inverse_layer_idx", "use_sliding_window"];

    private readonly ModelSizes _sizes = folder.Architecture.Sizes;

    /// <summary>The smaller model with its weights.</summary>
    public Module Build(Checkpoint checkpoint) => PretrainedModel.Build(folder.Architecture, JsonElement.Parse(Config().ToJsonString()),
        PretrainedModel.StateOf(checkpoint, folder.Architecture).Values.Where(tensor => NewName(tensor.Name) is not null)
            .ToDictionary(tensor => NewName(tensor.Name)!), Renumbered(folder.Plan));

    /// <summary>Writes it as a folder like the one it came from; weights keep their type and bytes.</summary>
    public void Save(Checkpoint checkpoint, string output, SaveOptions options)
    {
        var changes = new Dictionary<string, IReadOnlyList<TensorSource>>();
        foreach (var tensor in checkpoint.Tensors)
            if (NewName(tensor.Name) is var name && name != tensor.Name)
                changes.Add(tensor.Name, name is null ? [] : [new NamedTensor(name, tensor)]);
        var beside = new Dictionary<string, byte[]> { [PretrainedModel.ConfigFile] = PretrainedModel.Written(Config()) };
        if (Renumbered(folder.Plan) is { } plan)
            beside[PretrainedModel.PlanFile] = plan.ToJson();
        checkpoint.Save(output, changes, options with { Beside = beside });
    }

    /// <summary>The name that a tensor gets; null where it goes.</summary>
    private string? NewName(string name)
    {
        if (_sizes.BlockIn(name) is not { } place
            || !int.TryParse(name.AsSpan(place.Start, place.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var block))
            return name;
        return NewNumber(block) is { } number ? $"{name[..place.Start]}{number}{name[(place.Start + place.Length)..]}" : null;
    }

    private int? NewNumber(int block)
    {
        for (var i = 0; i < kept.Count; i++)
            if (kept[i] == block)
                return i;
        return null;
    }

    private JsonObject Config()
    {
        var path = Path.Combine(folder.Path, PretrainedModel.ConfigFile);
        var config = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
        foreach (var member in ByNumber)
            if (config[member] is JsonValue value && value.TryGetValue<bool>(out var isSet) && isSet)
                throw new ModelException($"{path} sets {member}: what a block computes hangs on its number, so blocks can't move up.");
        config[_sizes.Layers] = kept.Count;
        if (config[ModelSizes.PrunedHeadsMember] is JsonObject heads)
            config[ModelSizes.PrunedHeadsMember] = Renumbered(heads);
        if (config[LayerTypes] is JsonArray types && types.Count > kept[^1])
            config[LayerTypes] = new JsonArray([.. kept.Select(block => types[block]?.DeepClone())]);
        return config;
    }

    /// <summary>Puts what another model of the kind holds, of the blocks that stay, into one of fewer.</summary>
    public void Fill(Module smaller, Module larger) => smaller.LoadStateDict(larger.StateDict()
        .Where(entry => NewName(entry.Key) is not null).ToDictionary(entry => NewName(entry.Key)!, entry => entry.Value));

    /// <summary>What was cut before, of the blocks that stay; null where nothing was.</summary>
    [return: NotNullIfNotNull(nameof(plan))]
    public StructuralPlan? Renumbered(StructuralPlan? plan) => plan is null ? null : plan with
    {
        Tensors = [.. plan.Tensors.Where(tensor => NewName(tensor.Name) is not null).Select(tensor => tensor with { Name = NewName(tensor.Name)! })],
        Config = [.. plan.Config.Select(edit => edit.Member != ModelSizes.PrunedHeadsMember ? edit
            : edit with { From = Renumbered(edit.From), To = Renumbered(edit.To) })],
    };

    private JsonElement? Renumbered(JsonElement? heads) => heads is { ValueKind: JsonValueKind.Object } element
        ? JsonElement.Parse(Renumbered(JsonNode.Parse(element.GetRawText())!.AsObject()).ToJsonString())
        : heads;

    private JsonObject Renumbered(JsonObject heads) => new(heads
        .Select(layer => (Number: NewNumber(int.Parse(layer.Key, CultureInfo.InvariantCulture)), layer.Value))
        .Where(layer => layer.Number is not null)
        .Select(layer => KeyValuePair.Create($"{layer.Number}", layer.Value?.DeepClone())));
}
