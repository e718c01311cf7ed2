using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>What was cut out of a model: of each tensor which indices stay, what layers without weights became, what config.json says
/// since. It is JSON, and can be carried out on a fresh model.</summary>
/// <param name="Version">Of the format; <see cref="CurrentVersion"/>.</param>
/// <param name="Model">Kind of model: <c>gpt2</c>, <c>resnet20</c>.</param>
/// <param name="Tensors">Parameters and buffers that shrink.</param>
/// <param name="Paddings">Layers that add fewer channels.</param>
/// <param name="Config">Members of config.json that changed.</param>
public sealed record StructuralPlan(int Version, string Model, IReadOnlyList<PlannedTensor> Tensors,
    IReadOnlyList<PlannedPadding> Paddings, IReadOnlyList<ConfigEdit> Config)
{
    /// <summary>The version this code writes and reads.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Residual blocks that are left out: layers of a module by their full names, sums of an ONNX file by theirs; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Blocks { get; init; }

    /// <summary>Reads a plan from a file.</summary>
    /// <exception cref="StructuralPlanException">It is malformed, or of a later version.</exception>
    public static StructuralPlan Load(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path));
        }
        catch (StructuralPlanException error)
        {
            throw new StructuralPlanException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>Reads a plan from JSON.</summary>
    /// <exception cref="StructuralPlanException">It is malformed, or of a later version.</exception>
    public static StructuralPlan Parse(ReadOnlySpan<byte> json)
    {
        StructuralPlan plan;
        try
        {
            plan = JsonSerializer.Deserialize(json, StructuralPlanJson.Default.StructuralPlan) ?? throw new JsonException("It is null.");
        }
        catch (JsonException error)
        {
            throw new StructuralPlanException($"This is no structural plan: {error.Message}", error);
        }
        plan.Check();
        return plan;
    }

    /// <summary>The plan as UTF-8 JSON.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, StructuralPlanJson.Default.StructuralPlan);

    /// <summary>Cuts the same out of another model of the kind.</summary>
    /// <exception cref="StructuralPlanException">A tensor has another shape or is missing, or a layer adds other channels: the message names
    /// the first. The model is as it was.</exception>
    public void Apply(Module model) => ApplyReversibly(model);

    /// <summary>The plan that does what this one does, and then another that was made on the result.</summary>
    /// <exception cref="StructuralPlanException">The other is not of what this one leaves.</exception>
    public StructuralPlan Then(StructuralPlan next)
    {
        if (next.Model != Model)
            throw new StructuralPlanException($"The first plan is of a {Model}, the second of a {next.Model}.");
        var kept = Without(next.Blocks ?? []);
        return this with
        {
            Blocks = Blocks is null ? next.Blocks : [.. Blocks, .. next.Blocks ?? []],
            Tensors = Merge(kept.Tensors, next.Tensors, tensor => tensor.Name, (before, after) => before.Then(after)),
            Paddings = Merge(kept.Paddings, next.Paddings, padding => padding.Layer, (before, after) => after with { From = before.From }),
            Config = Merge(Config, next.Config, edit => edit.Member, (before, after) => after with { From = before.From }),
        };
    }

    /// <summary>The plan that does what several do one after the other; null for none.</summary>
    internal static StructuralPlan? Joined(IEnumerable<StructuralPlan> plans) =>
        plans.Aggregate((StructuralPlan?)null, (all, plan) => all?.Then(plan) ?? plan);

    /// <summary>Whether a parameter or buffer is of a block that is left out.</summary>
    internal bool LeavesOut(string name) => IsIn(Blocks ?? [], name);

    /// <summary>How many indices an axis had before; null where the tensor stays whole.</summary>
    internal int? OriginalSize(string tensor, int axis) => Tensors.FirstOrDefault(planned => planned.Name == tensor)?.Shape[axis];

    private static List<T> Merge<T>(IReadOnlyList<T> first, IReadOnlyList<T> second, Func<T, string> name, Func<T, T, T> join)
    {
        var merged = new OrderedDictionary<string, T>(first.Select(item => KeyValuePair.Create(name(item), item)));
        foreach (var item in second)
            merged[name(item)] = merged.TryGetValue(name(item), out var before) ? join(before, item) : item;
        return [.. merged.Values];
    }

    /// <summary>The same but for what is in blocks.</summary>
    private StructuralPlan Without(IReadOnlyList<string> blocks) => this with
    {
        Tensors = [.. Tensors.Where(tensor => !IsIn(blocks, tensor.Name))],
        Paddings = [.. Paddings.Where(padding => !IsIn(blocks, padding.Layer))],
    };

    private static bool IsIn(IEnumerable<string> blocks, string name) =>
        blocks.Any(block => name.StartsWith($"{block}.", StringComparison.Ordinal));

    internal void Check()
    {
        if (Version != CurrentVersion)
            throw new StructuralPlanException($"The plan is of version {Version}; this Coppice reads {CurrentVersion}. Update Coppice.");
        var names = new HashSet<string>();
        foreach (var name in Tensors.Select(tensor => tensor.Name).Concat(Paddings.Select(padding => padding.Layer)).Concat(Blocks ?? []))
            if (!names.Add(name))
                throw new StructuralPlanException($"The plan lists '{name}' twice.");
        foreach (var tensor in Tensors)
            tensor.Check();
        foreach (var padding in Paddings)
            padding.Check();
    }

    /// <returns>Puts back what was before.</returns>
    internal Action ApplyReversibly(Module model)
    {
        var parameters = model.ParametersByPlainName().ToDictionary(entry => entry.Name, entry => entry.Parameter);
        var modules = model.NamedModules().ToDictionary(entry => entry.Name, entry => entry.Module);
        var cuts = new List<Func<Action>>();
        foreach (var tensor in Tensors)
            cuts.Add(CutOf(tensor, parameters, modules));
        foreach (var padding in Paddings)
            cuts.Add(padding.CutOf(modules));
        foreach (var block in Blocks ?? [])
            cuts.Add(RemovalOf(block, modules));
        Action undo = () => { };
        foreach (var cut in cuts)
            undo = cut() + undo;
        return undo;
    }

    private static Func<Action> RemovalOf(string block, Dictionary<string, Module> modules)
    {
        var dot = block.LastIndexOf('.');
        var (list, name) = (modules.GetValueOrDefault(block[..Math.Max(dot, 0)]), block[(dot + 1)..]);
        return list is Sequential && list.Children.ContainsKey(name) ? () => list.Remove(name)
            : throw new StructuralPlanException($"The plan is for another model, or was applied already: it leaves out '{block}', which is no "
                + "layer of a sequence here.");
    }

    private static Func<Action> CutOf(
        PlannedTensor tensor, Dictionary<string, Parameter> parameters, Dictionary<string, Module> modules)
    {
        if (parameters.TryGetValue(tensor.Name, out var parameter))
        {
            tensor.CheckShape(parameter.Shape);
            return () => Cut(parameter, tensor);
        }
        var dot = tensor.Name.LastIndexOf('.');
        var (owner, key) = (tensor.Name[..Math.Max(dot, 0)], tensor.Name[(dot + 1)..]);
        if (!modules.TryGetValue(owner, out var module) || !module.Buffers.TryGetValue(key, out var buffer))
            throw new StructuralPlanException($"The plan is for another model: it cuts '{tensor.Name}', which this one has not.");
        tensor.CheckShape(buffer.Shape);
        return () =>
        {
            module.ReplaceBuffer(key, tensor.Cut(buffer));
            return () => module.ReplaceBuffer(key, buffer);
        };
    }

    private static Action Cut(Parameter parameter, PlannedTensor tensor)
    {
        var (data, mask, keepsSign) = (parameter.Data, parameter.Mask, parameter.KeepsSign);
        Set(tensor.Cut(data), mask is null ? null : tensor.Cut(mask));
        return () => Set(data, mask);

        void Set(Tensor values, Tensor? entries)
        {
            parameter.ClearMask();
            parameter.Replace(values);
            if (entries is not null)
                parameter.SetMask(entries, keepsSign);
        }
    }
}

/// <summary>A parameter or buffer that shrinks.</summary>
/// <param name="Name">Its full name, of tied parameters the first.</param>
/// <param name="Shape">Its shape before.</param>
/// <param name="Axes">Which indices stay.</param>
public sealed record PlannedTensor(string Name, IReadOnlyList<int> Shape, IReadOnlyList<PlannedAxis> Axes)
{
    /// <summary>Its shape after.</summary>
    [JsonIgnore]
    public IReadOnlyList<int> Result => [.. Shape.Select((size, axis) => Axes.FirstOrDefault(entry => entry.Axis == axis)?.Kept.Count ?? size)];

    internal Tensor Cut(Tensor tensor) => Axes.Aggregate(tensor, (part, axis) => AxisSelection.Select(part, axis.Axis, [.. axis.Kept]));

    internal PlannedTensor Then(PlannedTensor next)
    {
        if (!Result.SequenceEqual(next.Shape))
            throw new StructuralPlanException($"The first plan leaves '{Name}' as [{string.Join(", ", Result)}]; the second was made for "
                + $"[{string.Join(", ", next.Shape)}].");
        var axes = Axes.ToDictionary(entry => entry.Axis);
        foreach (var (axis, kept) in next.Axes)
            axes[axis] = new(axis, axes.TryGetValue(axis, out var before) ? [.. kept.Select(index => before.Kept[index])] : kept);
        return this with { Axes = [.. axes.Values.OrderBy(entry => entry.Axis)] };
    }

    internal void CheckShape(Shape shape)
    {
        if (!shape.SequenceEqual(Shape))
            throw new StructuralPlanException($"The plan is for another model, or was applied already: '{Name}' has shape {shape} here, "
                + $"[{string.Join(", ", Shape)}] in the plan.");
    }

    internal void Check()
    {
        foreach (var (axis, kept) in Axes)
            if ((uint)axis >= (uint)Shape.Count || kept.Count == 0 || kept[0] < 0 || kept[^1] >= Shape[axis]
                || kept.Zip(kept.Skip(1)).Any(pair => pair.First >= pair.Second) || Axes.Count(entry => entry.Axis == axis) > 1)
                throw new StructuralPlanException($"The kept indices of axis {axis} of '{Name}' [{string.Join(", ", Shape)}] must be "
                    + "ascending, within it, and listed once.");
    }
}

/// <summary>An axis of a tensor that shrinks.</summary>
/// <param name="Axis">The axis.</param>
/// <param name="Kept">Indices that stay, ascending.</param>
public sealed record PlannedAxis(int Axis, IReadOnlyList<int> Kept);

/// <summary>A <see cref="ChannelPadding"/> that adds fewer channels.</summary>
/// <param name="Layer">Its full name.</param>
/// <param name="From">Channels before and after, before.</param>
/// <param name="To">The same afterwards.</param>
public sealed record PlannedPadding(string Layer, PaddedChannels From, PaddedChannels To)
{
    internal void Check()
    {
        if (To.Before < 0 || To.After < 0 || To.Before > From.Before || To.After > From.After)
            throw new StructuralPlanException($"The plan makes '{Layer}' add {To.Before} and {To.After} channels, where it added "
                + $"{From.Before} and {From.After}; it can only add fewer.");
    }

    internal Func<Action> CutOf(Dictionary<string, Module> modules)
    {
        if (!modules.TryGetValue(Layer, out var module) || module is not ChannelPadding padding)
            throw new StructuralPlanException($"The plan is for another model: this one has no padding layer '{Layer}'.");
        if (new PaddedChannels(padding.Before, padding.After) != From)
            throw new StructuralPlanException($"The plan is for another model, or was applied already: '{Layer}' adds {padding.Before} and "
                + $"{padding.After} channels here, {From.Before} and {From.After} in the plan.");
        return () =>
        {
            padding.Resize(To.Before, To.After);
            return () => padding.Resize(From.Before, From.After);
        };
    }
}

/// <summary>How many channels a padding adds.</summary>
/// <param name="Before">In front.</param>
/// <param name="After">Behind.</param>
public sealed record PaddedChannels(int Before, int After);

/// <summary>A member of config.json that changes with a model's sizes.</summary>
/// <param name="Member">Its name.</param>
/// <param name="From">What it was; null where it was missing or null.</param>
/// <param name="To">What it is now.</param>
public sealed record ConfigEdit(string Member, JsonElement? From, JsonElement? To);

/// <summary>A structural plan is malformed, or for another model; the message tells what differs.</summary>
public sealed class StructuralPlanException(string message, Exception? inner = null) : Exception(message, inner);

[JsonSourceGenerationOptions(RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StructuralPlan))]
internal sealed partial class StructuralPlanJson : JsonSerializerContext;
