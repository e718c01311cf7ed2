using System.CommandLine;
using Coppice.Graphs;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Cli.Structural;

/// <summary>What <c>--compensate</c> asks for.</summary>
internal sealed class Compensating
{
    private const string LeastSquares = "least-squares", Bias = "bias", BatchNorm = "batch-norm";

    private readonly string[] _asked;
    private readonly IReadOnlyList<IReadOnlyList<Tensor>> _inputs;
    private readonly List<string> _done = [];
    private InputCompensation? _prepared;

    public Compensating(ParseResult parsed, IReadOnlyList<IReadOnlyList<Tensor>>? inputs)
    {
        _asked = [.. (parsed.GetValue(StructuralOptions.Compensate) ?? []).Distinct()];
        if (_asked.FirstOrDefault(name => name is not (LeastSquares or Bias or BatchNorm)) is { } unknown)
            throw new UsageException($"--compensate {unknown} is none of {LeastSquares}, {Bias} and {BatchNorm}.");
        if (_asked.Contains(LeastSquares) && _asked.Contains(Bias))
            throw new UsageException($"--compensate {LeastSquares} corrects biases too; leave {Bias} out.");
        if (_asked.Length > 0 && inputs is null)
            throw new UsageException("--compensate looks at activations: give --calibration FILE, or --calibration random.");
        _inputs = inputs ?? [];
    }

    /// <summary>Whether anything is to be done.</summary>
    public bool IsAsked => _asked.Length > 0;

    /// <summary>What was done, in words; null for nothing.</summary>
    public string? Summary => _done.Count > 0 ? string.Join(", ", _done) : null;

    /// <summary>Before surgery: looks at what consumers read.</summary>
    public void Prepare(DependencyGraph dependencies, Removal removal)
    {
        if (_asked.Contains(LeastSquares) || _asked.Contains(Bias))
            _prepared = InputCompensation.Of(dependencies, removal, _inputs,
                _asked.Contains(LeastSquares) ? CompensationMethod.LeastSquares : CompensationMethod.Bias);
    }

    /// <summary>After surgery.</summary>
    /// <param name="graph">Of the smaller model.</param>
    public void CarryOut(Graph graph)
    {
        if (_prepared is not null)
        {
            _prepared.Apply();
            _done.Add($"{(_asked.Contains(LeastSquares) ? LeastSquares : Bias)} in {_prepared.Weights.Count} layers");
        }
        if (_asked.Contains(BatchNorm))
            _done.Add($"statistics of {BatchNormStatistics.Reestimate(graph, _inputs)} batch normalisations");
    }
}
