using System.CommandLine;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Cli.Structural;

/// <summary>What <c>--compensate</c> asks for.</summary>
internal sealed class Compensating
{
    private const string LeastSquares = "least-squares", Bias = "bias", Statistics = "batch-norm";

    private readonly string[] _asked;
    private readonly IReadOnlyList<IReadOnlyList<Tensor>> _inputs;

    public Compensating(ParseResult parsed, IReadOnlyList<IReadOnlyList<Tensor>>? inputs)
    {
        _asked = [.. (parsed.GetValue(StructuralOptions.Compensate) ?? []).Distinct()];
        if (_asked.FirstOrDefault(name => name is not (LeastSquares or Bias or Statistics)) is { } unknown)
            throw new UsageException($"--compensate {unknown} is none of {LeastSquares}, {Bias} and {Statistics}.");
        if (_asked.Contains(LeastSquares) && _asked.Contains(Bias))
            throw new UsageException($"--compensate {LeastSquares} corrects biases too; leave {Bias} out.");
        if (_asked.Length > 0 && inputs is null)
            throw new UsageException("--compensate looks at activations: give --calibration FILE, or --calibration random.");
        _inputs = inputs ?? [];
    }

    /// <summary>What was done, in words; null for nothing.</summary>
    public string? Summary => Prepared is null ? null : string.Join(", ", Done());

    /// <summary>What is to be done; null for nothing.</summary>
    public PreparedCompensation? Prepared { get; private set; }

    /// <summary>Before surgery: looks at what consumers read.</summary>
    /// <param name="model">The model.</param>
    /// <param name="removal">What will go.</param>
    public void Prepare(OpenedModel model, Removal removal)
    {
        if (_asked.Length == 0)
            return;
        CheckStatistics(model);
        var method = _asked.Contains(LeastSquares) ? CompensationMethod.LeastSquares : _asked.Contains(Bias) ? CompensationMethod.Bias
            : (CompensationMethod?)null;
        Prepared = new(method is null ? null
            : InputCompensation.Of(model.Dependencies, removal, _inputs, method.Value, addsBiases: model.CanAddBiases),
            _asked.Contains(Statistics) ? _inputs : null);
    }

    /// <summary>Before residual blocks go: what can be made up for is the statistics of those that stay.</summary>
    /// <param name="model">The model.</param>
    public void Prepare(OpenedModel model)
    {
        if (_asked.Length == 0)
            return;
        if (_asked.FirstOrDefault(name => name != Statistics) is { } other)
            throw new UsageException($"--compensate {other} is about channels; where whole blocks go there is {Statistics}.");
        CheckStatistics(model);
        Prepared = new(null, _inputs);
    }

    private void CheckStatistics(OpenedModel model)
    {
        if (_asked.Contains(Statistics) && !model.Traced.Graph.Nodes.Any(node => node.Op is BatchNorm))
            throw new UsageException($"--compensate {Statistics}: the model has no batch normalisation (exporters fold it into convolutions); "
                + "leave it out.");
    }

    private IEnumerable<string> Done()
    {
        if (Prepared!.Inputs is { } inputs)
            yield return $"{(_asked.Contains(LeastSquares) ? LeastSquares : Bias)} in {inputs.Weights.Count} layers";
        if (_asked.Contains(Statistics))
            yield return $"statistics of {Prepared.Normalizations} batch normalisations";
    }
}
