using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models;

/// <summary>A model opened from a Hugging Face folder: config.json and weights.</summary>
public sealed class PretrainedModel
{
    /// <summary>Name of the file beside config.json that says what was cut out of the model config.json once described.</summary>
    public const string PlanFile = "coppice.json";

    internal const string ConfigFile = Checkpoint.ConfigFile;

    // Most times that a model's weights may have shrunk; what a plan says that it was before takes memory.
    private const int MaxShrinkage = 64;

    private PretrainedModel(string folder, string modelType, Module module, StructuralPlan? plan, IReadOnlySet<int> endOfTextIds) =>
        (Folder, ModelType, Module, Plan, EndOfTextIds) = (folder, modelType, module, plan, endOfTextIds);

    /// <summary>The folder it came from.</summary>
    public string Folder { get; }

    /// <summary>The family, as config.json names it.</summary>
    public string ModelType { get; }

    /// <summary>The model with its weights.</summary>
    public Module Module { get; }

    /// <summary>Tokens that end a text (<c>eos_token_id</c> of generation_config.json or config.json).</summary>
    public IReadOnlySet<int> EndOfTextIds { get; }

    /// <summary>All that was cut out of the model so far; null where nothing was.</summary>
    public StructuralPlan? Plan { get; private set; }

    /// <summary>What is known of the family.</summary>
    public ModelArchitecture Architecture => ModelRegistry.Find(ModelType)!;

    /// <summary>The module as a model that predicts tokens.</summary>
    /// <exception cref="NotSupportedException">It is of another kind.</exception>
    public ICausalLanguageModel CausalLanguageModel => Module as ICausalLanguageModel
        ?? throw new NotSupportedException($"{Folder} holds a {ModelType} model, which does not predict text; give a causal language model such as GPT-2.");

    /// <summary>The module as a classifier of texts.</summary>
    /// <exception cref="NotSupportedException">It is of another kind.</exception>
    public ITextClassifier TextClassifier => Module as ITextClassifier
        ?? throw new NotSupportedException(
            $"{Folder} holds a {ModelType} model, which is no text classifier; give one such as BERT with a classification head.");

    /// <summary>Whether a path is a folder whose config.json names a family that Coppice runs.</summary>
    public static bool CanOpen(string folder)
    {
        try
        {
            using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, ConfigFile)));
            return ModelTypeOf(config.RootElement) is { } type && ModelRegistry.Find(type) is not null;
        }
        catch (Exception error) when (error is IOException or JsonException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Opens a folder, checks config.json against the weights, and loads them as F32.</summary>
    /// <remarks>Of a pruned model, <see cref="PlanFile"/> tells the sizes where it is there, else config.json's <c>pruned_heads</c>.</remarks>
    /// <exception cref="ModelException">There is no config.json, it is malformed, its family is unknown, or it does not describe the weights.</exception>
    /// <exception cref="CheckpointException">The weights are malformed.</exception>
    public static PretrainedModel Open(string folder)
    {
        var path = Path.Combine(folder, ConfigFile);
        if (!File.Exists(path))
            throw new ModelException(Directory.Exists(folder)
                ? $"{folder} has no config.json, so what to compute is not known; copy the model's config.json there."
                : $"{folder} is not a folder; running a model needs its Hugging Face folder with config.json, weights and tokenizer.");
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return Load(folder, path, document.RootElement);
        }
        catch (Exception error) when (error is JsonException or StateDictException or StructuralPlanException or InvalidOperationException
            or ArgumentException or NotSupportedException)
        {
            throw new ModelException($"{path} and the weights beside it can't be used: {error.Message}", error);
        }
    }

    /// <summary>Notes what was cut out of <see cref="Module"/>, on top of what was before, so that <see cref="Save"/> can write it
    /// down.</summary>
    /// <param name="plan">What a surgeon has carried out on the module.</param>
    public void Record(StructuralPlan plan) => Plan = Plan?.Then(plan) ?? plan;

    /// <summary>Writes the model as a folder like the one it came from: its present weights, as F32, and all other files as they are
    /// there.</summary>
    /// <remarks>
    /// Where something was cut out, config.json gets what it has words for (heads, one feed-forward width for all layers, the width of models
    /// that have a word for the size of a head), and <see cref="PlanFile"/> holds all of it.
    /// A pruned weight whose mask is in force is written as <c>..._orig</c> and <c>..._mask</c>, which <see cref="Open"/> and PyTorch put in
    /// force again; semantics are not stored, so masked values are +0 after opening. Weights tied in the source stay tied.
    /// </remarks>
    /// <param name="folder">The new folder; not the source, whose weights are looked up while writing.</param>
    /// <param name="options">Format, shards, overwriting, progress.</param>
    /// <exception cref="CheckpointException">The source is gone or changed, or the output exists or can't be written.</exception>
    public void Save(string folder, SaveOptions? options = null)
    {
        using var checkpoint = Checkpoint.Open(Folder);
        var state = Module.StateDict();
        var changes = new Dictionary<string, IReadOnlyList<TensorSource>>();
        foreach (var (name, source) in Rename(StateOf(checkpoint, Architecture), Module, Architecture.BasePrefix))
            changes.Add(source.Name, [.. PresentNames(name, state).Select(now => TensorSource.From(StoredName(now, name, source.Name), state[now]))]);
        checkpoint.Save(folder, changes, (options ?? new()) with { Beside = Descriptions() });
    }

    /// <summary>config.json and <see cref="PlanFile"/> of what was cut; nothing where nothing was.</summary>
    private Dictionary<string, byte[]> Descriptions()
    {
        if (Plan is null)
            return [];
        var (config, edits) = Described(Plan);
        return new() { [ConfigFile] = Written(config), [PlanFile] = (Plan with { Config = edits }).ToJson() };
    }

    /// <summary>config.json with what it can say of all that was cut.</summary>
    private (JsonObject Config, IReadOnlyList<ConfigEdit> Edits) Described(StructuralPlan plan)
    {
        var config = ConfigBefore();
        var edits = Architecture.Sizes.EditsFor(plan, config);
        ModelSizes.Make(edits, config);
        return (config, edits);
    }

    /// <summary>config.json as it was before anything was cut.</summary>
    private JsonObject ConfigBefore()
    {
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(Folder, ConfigFile)))!.AsObject();
        if (PlanIn(Folder) is { } before)
            ModelSizes.Undo(before.Config, config);
        return config;
    }

    /// <summary>Whether the config.json that <see cref="Save"/> writes alone tells the sizes of all tensors, as it has to for other tools, which
    /// do not read <see cref="PlanFile"/>.</summary>
    public bool IsToldByConfig() => Plan is null || Architecture.Sizes.Tells(Plan, ConfigBefore());

    /// <summary>config.json as files hold it.</summary>
    internal static byte[] Written(JsonObject config)
    {
        using var written = new MemoryStream();
        using (var json = new Utf8JsonWriter(written, new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            config.WriteTo(json);
        return written.ToArray();
    }

    private static StructuralPlan? PlanIn(string folder) =>
        Path.Combine(folder, PlanFile) is var path && File.Exists(path) ? StructuralPlan.Load(path) : null;

    /// <summary>The name in the file of a tensor that is <paramref name="now"/> in the module, where what was <paramref name="name"/> there is
    /// <paramref name="stored"/> in the file: with or without the base prefix.</summary>
    private static string StoredName(string now, string name, string stored) => stored.Length >= name.Length
        ? stored[..(stored.Length - name.Length)] + now
        : now[(name.Length - stored.Length)..];

    /// <summary>The names that a stored tensor has in the state by now: a weight under a mask is two tensors.</summary>
    private string[] PresentNames(string name, OrderedDictionary<string, Tensor> state)
    {
        if (MaskedName.WeightOfMask(name) is { } masked && (state.ContainsKey(masked) || state.ContainsKey(MaskedName.Original(masked))))
            return []; // written with its weight
        var weight = MaskedName.WeightOfOriginal(name) ?? name;
        if (state.ContainsKey(weight))
            return [weight];
        return state.ContainsKey(MaskedName.Original(weight))
            ? [MaskedName.Original(weight), MaskedName.Mask(weight)]
            : throw new ModelException($"{Folder} holds '{name}', which the model opened from it has not: it has changed since. Open it again.");
    }

    private static PretrainedModel Load(string folder, string path, JsonElement config)
    {
        var modelType = ModelTypeOf(config);
        var architecture = modelType is null ? null : ModelRegistry.Find(modelType);
        if (architecture is null)
            throw new ModelException($"{path}: model_type is {modelType ?? "missing"}; Coppice runs {string.Join(", ", ModelRegistry.Known)}. "
                + "(inspect and prune work on any checkpoint.)");
        using var checkpoint = Checkpoint.Open(folder);
        var tensors = StateOf(checkpoint, architecture);
        var plan = PlanIn(folder);
        if (plan is not null && plan.Model != modelType)
            throw new ModelException($"{path} is of a {modelType}, {PlanFile} beside it of a {plan.Model}; take both from one folder.");
        return new(folder, modelType!, Build(architecture, config, tensors, plan), plan, EndOfText(folder, config));
    }

    /// <summary>A model with its weights.</summary>
    /// <param name="architecture">Its family.</param>
    /// <param name="config">config.json.</param>
    /// <param name="tensors">The weights by their stored names.</param>
    /// <param name="plan">What was cut out of it; null where nothing was.</param>
    internal static Module Build(
        ModelArchitecture architecture, JsonElement config, Dictionary<string, TensorSource> tensors, StructuralPlan? plan)
    {
        var module = Create(architecture, config, tensors, plan);
        var sources = Rename(tensors, module, architecture.BasePrefix);
        module.LoadStateDict(sources.ToDictionary(entry => entry.Key, entry => entry.Value.Shape), (name, target) => sources[name].ReadInto(target));
        return module;
    }

    private static Module Create(
        ModelArchitecture architecture, JsonElement config, Dictionary<string, TensorSource> tensors, StructuralPlan? plan)
    {
        var elements = tensors.Values.Sum(tensor => tensor.Count);
        if (plan is null)
            return architecture.Create(config, new(tensors.Keys, elements));
        var before = JsonNode.Parse(config.GetRawText())!.AsObject();
        ModelSizes.Undo(plan.Config, before);
        var module = architecture.Create(JsonElement.Parse(before.ToJsonString()), new(tensors.Keys, checked(MaxShrinkage * elements)));
        plan.Apply(module);
        return module;
    }

    private static string? ModelTypeOf(JsonElement config) =>
        config.ValueKind == JsonValueKind.Object && config.TryGetProperty("model_type", out var type) && type.ValueKind == JsonValueKind.String
            ? type.GetString()
            : null;

    /// <summary>The tensors that the model reads, by their stored names.</summary>
    internal static Dictionary<string, TensorSource> StateOf(Checkpoint checkpoint, ModelArchitecture architecture) =>
        checkpoint.Tensors.Where(tensor => !architecture.IsLeftover(tensor.Name)).ToDictionary(tensor => tensor.Name);

    /// <summary>The tensors under the module's names, which have the base prefix where it has a head and the file may not, or the reverse.</summary>
    private static Dictionary<string, TensorSource> Rename(Dictionary<string, TensorSource> tensors, Module module, string prefix)
    {
        var isWithHead = module.StateDict().Keys.Any(HasPrefix);
        var isFileWithHead = tensors.Keys.Any(HasPrefix);
        return (isWithHead, isFileWithHead) switch
        {
            (true, false) => tensors.ToDictionary(entry => prefix + entry.Key, entry => entry.Value),
            (false, true) => tensors.ToDictionary(entry => HasPrefix(entry.Key) ? entry.Key[prefix.Length..] : entry.Key, entry => entry.Value),
            _ => tensors,
        };

        bool HasPrefix(string name) => name.StartsWith(prefix, StringComparison.Ordinal);
    }

    private static HashSet<int> EndOfText(string folder, JsonElement config)
    {
        var path = Path.Combine(folder, "generation_config.json");
        if (!File.Exists(path))
            return EndOfTextIn(config);
        HashSet<int> ids;
        try
        {
            using var generation = JsonDocument.Parse(File.ReadAllBytes(path));
            ids = EndOfTextIn(generation.RootElement);
        }
        catch (JsonException error)
        {
            throw new ModelException($"{path} can't be used: {error.Message} Repair it, or remove it to go by config.json.", error);
        }
        return ids.Count > 0 ? ids : EndOfTextIn(config);
    }

    private static HashSet<int> EndOfTextIn(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new JsonException("It holds no JSON object.");
        if (!json.TryGetProperty("eos_token_id", out var ids) || ids.ValueKind == JsonValueKind.Null)
            return [];
        return ids.ValueKind == JsonValueKind.Array ? [.. ids.EnumerateArray().Select(Id)] : [Id(ids)];

        static int Id(JsonElement id) => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var value) && value >= 0
            ? value
            : throw new JsonException($"eos_token_id holds {id.GetRawText()}, which is no token id.");
    }
}
