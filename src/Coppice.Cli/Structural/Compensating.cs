using System.CommandLine;
using Coppice.Pruning;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Cli.Structural;

/// <summary>What <c>--compensate</c> asks for.</summary>
internal sealed class Compensating
{
    private readonly CutCompensation[] _asked;
    private readonly IReadOnlyList<IReadOnlyList<Tensor>> _inputs;

    public Compensating(ParseResult parsed, OpenedModel model, IReadOnlyList<IReadOnlyList<Tensor>>? inputs)
    {
        _asked = [.. (parsed.GetValue(StructuralOptions.Compensate) ?? []).Distinct().Select(KindOf)];
        if (_asked.Length > 0 && inputs is null)
            throw new UsageException("--compensate looks at activations: give --calibration FILE, or --calibration random.");
        try
        {
            PreparedCompensation.Check(_asked, model.Traced.Graph);
        }
        catch (PruningException error)
        {
            throw new UsageException($"--compensate {error.Message}");
        }
        _inputs = inputs ?? [];
    }

    /// <summary>What was done, in words; null for nothing.</summary>
    public string? Summary => Prepared is null ? null : string.Join(", ", Done());

    /// <summary>What is to be done; null for nothing.</summary>
    public PreparedCompensation? Prepared { get; private set; }

    /// <summary>Before surgery: looks at what consumers read.</summary>
    /// <param name="model">The model.</param>
    /// <param name="removal">What will go.</param>
    /// <param name="terminal">Shows that it goes on.</param>
    public void Prepare(OpenedModel model, Removal removal, Terminal terminal)
    {
        if (_asked.Length > 0)
            Prepared = terminal.Busy("looking at what layers read",
                () => PreparedCompensation.Of(_asked, model.Dependencies, removal, _inputs, model.CanAddBiases));
    }

    /// <summary>Before residual blocks go: what can be made up for is the statistics of those that stay.</summary>
    public void PrepareForBlocks()
    {
        foreach (var kind in _asked)
            Prepared = kind == CutCompensation.BatchNorm ? new(null, _inputs) : throw new UsageException(
                $"--compensate {NameOf(kind)} is about channels; where whole blocks go there is {NameOf(CutCompensation.BatchNorm)}.");
    }

    private static CutCompensation KindOf(string name) => PreparedCompensation.Names.TryGetValue(name, out var kind) ? kind
        : throw new UsageException($"--compensate {name} is none of {string.Join(", ", PreparedCompensation.Names.Keys)}.");

    private IEnumerable<string> Done()
    {
        if (Prepared!.Inputs is { } inputs)
            yield return $"{NameOf(_asked.First(kind => kind != CutCompensation.BatchNorm))} in {inputs.Weights.Count} layers"
                + (inputs.Weights.Count > 0 ? "" : inputs.Shared.Count > 0 ? $" (several layers read {string.Join(", ", inputs.Shared)}: left alone)"
                    : " (no linear layer or convolution that reads what went could make up for it)")
                + (inputs.TooWide.Count == 0 ? "" : $" (means alone in {string.Join(", ", inputs.TooWide)}, which read too many channels)");
        if (_asked.Contains(CutCompensation.BatchNorm))
            yield return $"statistics of {Prepared.Normalizations} batch normalisations";
    }

    private static string NameOf(CutCompensation kind) => PreparedCompensation.Names.First(entry => entry.Value == kind).Key;
}
