using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Training.Distillation;

/// <summary>The learnt maps from the student's widths to the teacher's, each named by the number of its transfer, and their
/// optimizer.</summary>
internal sealed class Projections : Module
{
    private const string ModulePrefix = "projection/";
    private const string OptimizerPrefix = "optimizer/";
    private readonly Optimizer? _optimizer;

    /// <param name="layers">A map for each transfer; null where it has none.</param>
    /// <param name="options">The options.</param>
    /// <param name="state">What <see cref="State"/> gave in a run that was killed.</param>
    public Projections(IReadOnlyList<Layer?> layers, DistillationOptions options, IReadOnlyDictionary<string, Tensor> state)
    {
        foreach (var (i, layer) in layers.Index())
            if (layer is not null)
                Initialise(Register(i.ToString(), layer), new(options.Seed + i));
        if (Children.Count == 0)
            return;
        _optimizer = options.ProjectionOptimizer(this);
        if (state.Count == 0)
            return;
        LoadStateDict(Under(ModulePrefix, state));
        _optimizer.LoadState(Under(OptimizerPrefix, state));
    }

    public Tensor Map(int transfer, Tensor student) =>
        Children.TryGetValue(transfer.ToString(), out var layer) ? ((Layer)layer).Forward(student) : student;

    /// <exception cref="TrainingException">A gradient holds NaN or an infinity.</exception>
    public void RefuseNonFiniteGradients(long step)
    {
        if (_optimizer?.FindNonFiniteGradient() is { } name)
            throw new TrainingException($"Step {step}: the gradient of projection '{name}' holds NaN or an infinity. The update was not "
                + "made. Lower the weight of its transfer, or the learning rate.");
    }

    public void Step(double learningRateFactor)
    {
        if (_optimizer is null)
            return;
        _optimizer.LearningRateFactor = learningRateFactor;
        _optimizer.Step();
        _optimizer.ZeroGradients();
    }

    public IEnumerable<(string Name, Tensor Value)> State() =>
    [
        .. StateDict().Select(entry => (ModulePrefix + entry.Key, entry.Value)),
        .. _optimizer?.State().Select(entry => (OptimizerPrefix + entry.Name, entry.Value)) ?? [],
    ];

    /// <summary>Weights uniform in ±1 / sqrt(inputs), as torch's new layers; the bias stays 0. The scope of the step that makes them does
    /// not end their life.</summary>
    private static void Initialise(Layer layer, RandomSource random)
    {
        foreach (var parameter in layer.Parameters.Values)
            TensorScope.Detach(parameter.Data);
        var weight = layer.Parameter("weight").Data;
        var bound = 1 / MathF.Sqrt(weight.Shape[1]);
        foreach (ref var value in weight.AsSpan<float>())
            value = bound * (2 * random.NextSingle() - 1);
    }

    private static Dictionary<string, Tensor> Under(string prefix, IReadOnlyDictionary<string, Tensor> state) => state
        .Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value);
}
