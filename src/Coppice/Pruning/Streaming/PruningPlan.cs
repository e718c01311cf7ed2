using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Checkpoints;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>A prune put down as JSON: what was asked, what was decided for each parameter, and hashes of the bytes before and
/// after.</summary>
public sealed record PruningPlan
{
    /// <summary>The version this code writes and reads.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Version of the format.</summary>
    public required int Version { get; init; }

    /// <summary>The command that made the plan, as typed.</summary>
    public required string Command { get; init; }

    /// <summary>The method with its options.</summary>
    public required MethodOptions Method { get; init; }

    /// <summary>The amount asked for, as <see cref="PruneAmount.Parse"/> reads it; null where the pattern says it.</summary>
    public string? Amount { get; init; }

    /// <summary>Amounts asked for some weights alone, as <see cref="WeightAmount.Parse"/> reads them; null where there were none.</summary>
    public IReadOnlyList<string>? OwnAmounts { get; init; }

    /// <summary>What the amount was taken of.</summary>
    public required PruneScope Scope { get; init; }

    /// <summary>Whose conventions held.</summary>
    public required PruneSemantics Semantics { get; init; }

    /// <summary>Start of random choices.</summary>
    public required long Seed { get; init; }

    /// <summary>What was decided, parameter by parameter.</summary>
    public required IReadOnlyList<PlannedParameter> Parameters { get; init; }

    /// <summary>Puts a result down; reads every pruned weight twice for the hashes.</summary>
    public static PruningPlan Create(PruneResult result, PruneRequest request, string command)
    {
        var parameters = new PlannedParameter[result.Weights.Count];
        Workers.For(parameters.Length, i => parameters[i] = PlannedParameter.Create(result.Weights[i]));
        return new PruningPlan
        {
            Version = CurrentVersion,
            Command = command,
            Method = request.Method.Options,
            Amount = request.Amount?.ToString(),
            OwnAmounts = request.OwnAmounts.Count == 0 ? null : [.. request.OwnAmounts.Select(amount => amount.ToString())],
            Scope = request.Scope,
            Semantics = request.Semantics,
            Seed = request.Seed,
            Parameters = parameters,
        };
    }

    /// <summary>Reads a plan.</summary>
    /// <exception cref="PruningException">Not a plan, or of another version.</exception>
    public static PruningPlan Parse(string json)
    {
        try
        {
            var plan = JsonSerializer.Deserialize(json, PruningPlanJson.Default.PruningPlan);
            if (plan?.Version != CurrentVersion)
                throw new PruningException($"The plan has version {plan?.Version}, this program reads version {CurrentVersion}; "
                    + "make the plan anew.");
            return plan.Parameters.Any(parameter => parameter is null) ? throw new JsonException("A parameter is null.") : plan;
        }
        catch (JsonException error)
        {
            throw new PruningException($"Not a pruning plan: {error.Message}");
        }
    }

    /// <summary>Whether JSON says of itself that it is a plan of this kind, whole or not; a plan of channels to cut does not.</summary>
    public static bool IsOne(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("method", out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Carries the plan out again, on the tensors that it was made of.</summary>
    /// <param name="tensors">All tensors of the checkpoint.</param>
    /// <param name="facts">What config.json says.</param>
    /// <returns>The weights of the plan, and what became of them.</returns>
    /// <exception cref="PruningException">A tensor is missing or another than the plan was made of; the message names the first.</exception>
    /// <exception cref="VerificationException">A weight would become another than the plan says.</exception>
    public (WeightSelection Selection, PruneResult Result) CarryOut(IReadOnlyList<TensorSource> tensors, ModelFacts facts)
    {
        var byName = tensors.ToDictionary(tensor => tensor.Name);
        foreach (var planned in Parameters)
            if (byName.GetValueOrDefault(planned.Name) is not { } tensor)
                throw new PruningException($"The plan is for another model: '{planned.Name}' is missing.");
            else if (planned.Differs(tensor) is { } how)
                throw new PruningException($"The plan is for another model: '{planned.Name}' {how}.");
        var names = Parameters.Select(planned => planned.Name).ToHashSet();
        // A name may hold what a glob reads otherwise, and so match others too.
        var matching = WeightSelector.Select(tensors, facts, [.. names]);
        var selection = matching with { Weights = [.. matching.Weights.Where(weight => names.Contains(weight.Name))] };
        if (!Parameters.Select(planned => planned.Name).SequenceEqual(selection.Weights.Select(weight => weight.Name)))
            throw new PruningException("The plan is for another model: there the weights are in another order, or tied to others. Make it anew.");
        var result = Pruner.Prune(selection, ToRequest());
        Workers.For(Parameters.Count, i =>
        {
            if (PlannedParameter.HashAfter(result.Weights[i]) != Parameters[i].Sha256After)
                throw new VerificationException($"'{Parameters[i].Name}' would become another than the plan says, which this program may have "
                    + "changed since; nothing was written. Make the plan anew.");
        });
        return (selection, result);
    }

    /// <summary>The plan as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, PruningPlanJson.Default.PruningPlan);

    /// <summary>The request that the plan carries out.</summary>
    public PruneRequest ToRequest() => new(Method.ToMethod(), Amount is null ? null : PruneAmount.Parse(Amount))
    {
        OwnAmounts = OwnAmounts is null ? [] : [.. OwnAmounts.Select(WeightAmount.Parse)],
        Scope = Scope,
        Semantics = Semantics,
        Seed = Seed,
    };
}

/// <summary>What a plan says of one parameter.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Aliases">Names tied to it.</param>
/// <param name="DType">Element type, as in safetensors.</param>
/// <param name="Shape">Axis sizes.</param>
/// <param name="Elements">Number of elements.</param>
/// <param name="Pruned">How many were pruned.</param>
/// <param name="ZerosAfter">Zeros afterwards.</param>
/// <param name="Threshold">The magnitude below which every element went, for methods that rank magnitudes.</param>
/// <param name="ThresholdBits">The same as the bits of an F64, in hexadecimal.</param>
/// <param name="Sha256Before">Hash of the row-major little-endian bytes before.</param>
/// <param name="Sha256After">Hash of the bytes afterwards.</param>
public sealed record PlannedParameter(
    string Name, IReadOnlyList<string> Aliases, string DType, IReadOnlyList<int> Shape, long Elements, long Pruned, long ZerosAfter,
    double? Threshold, string? ThresholdBits, string Sha256Before, string Sha256After)
{
    internal static PlannedParameter Create(PrunedWeight pruned)
    {
        var source = pruned.Weight.Source;
        var bits = pruned.Threshold is { } threshold
            ? BitConverter.DoubleToUInt64Bits(threshold).ToString("X16", CultureInfo.InvariantCulture)
            : null;
        return new PlannedParameter(source.Name, pruned.Weight.Aliases, source.DType.ToString(), [.. source.Shape], source.Count,
            pruned.Pruned, pruned.ZerosAfter, pruned.Threshold, bits, Hash(source), HashAfter(pruned));
    }

    /// <summary>The hash of what a weight becomes.</summary>
    internal static string HashAfter(PrunedWeight pruned) => Hash(new MaskedTensor(pruned.Weight.Source, pruned.Mask));

    /// <summary>How a tensor is another than this was made of, in words; null where it is not.</summary>
    internal string? Differs(TensorSource tensor) =>
        tensor.DType.ToString() != DType ? $"is {tensor.DType}, not {DType}"
        : !tensor.Shape.SequenceEqual(Shape) ? $"has shape {tensor.Shape}, not [{string.Join(", ", Shape)}]"
        : Hash(tensor) != Sha256Before ? "has other values" : null;

    private static string Hash(TensorSource tensor)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var lease = TensorChunks.Rent();
        foreach (var chunk in TensorChunks.Split([tensor.Count]))
            hash.AppendData(tensor.Elements(chunk.First, chunk.Count, lease.Buffer));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

/// <summary>Generated (de)serialisation, so that plans work without reflection.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PruningPlan))]
internal sealed partial class PruningPlanJson : JsonSerializerContext;
