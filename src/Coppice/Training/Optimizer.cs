using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Training;

/// <summary>Updates a module's parameters from their gradients.</summary>
/// <remarks>
/// Parameters without a gradient, or with <see cref="Parameter.RequiresGradient"/> off, are left as they are. Entries under a zero of a
/// mask never change and have no state, so what was pruned stays pruned. The same bytes on any number of threads.
/// </remarks>
/// <example><code>
/// using (var tape = new Tape())
///     tape.Backward(model.Forward(ids).CrossEntropy(targets));
/// optimizer.ClipGradientNorm(1);
/// optimizer.LearningRateFactor = schedule(step);
/// optimizer.Step();
/// optimizer.ZeroGradients();
/// </code></example>
public abstract class Optimizer
{
    private readonly List<Slot> _slots = [];

    /// <summary>An optimizer of a module's parameters as they are registered now; tied ones count once.</summary>
    /// <param name="module">What to train.</param>
    /// <param name="learningRate">Step size, at least 0.</param>
    /// <param name="weightDecay">Pull towards 0, at least 0.</param>
    /// <param name="groups">Exceptions; the first glob that matches a parameter counts.</param>
    /// <exception cref="ArgumentException">A rate is negative, or a glob matches no parameter.</exception>
    private protected Optimizer(Module module, double learningRate, double weightDecay, IReadOnlyList<ParameterGroup>? groups)
    {
        groups ??= [];
        var used = new HashSet<ParameterGroup>();
        foreach (var (name, parameter) in module.NamedParameters())
        {
            var group = groups.FirstOrDefault(group => group.Matches(PlainName(name, parameter)));
            if (group is not null)
                used.Add(group);
            _slots.Add(new(parameter, Positive(group?.LearningRate ?? learningRate, "learning rate", name),
                Positive(group?.WeightDecay ?? weightDecay, "weight decay", name)));
        }
        if (groups.FirstOrDefault(group => !used.Contains(group)) is { } unused)
            throw new ArgumentException(
                $"No parameter of {module.GetType().Name} is left for the group '{unused.Glob}': check its name, or the globs before it.",
                nameof(groups));
    }

    /// <summary>What every learning rate is multiplied by, as a schedule says (see <see cref="LearningRateSchedule"/>).</summary>
    public double LearningRateFactor { get; set; } = 1;

    /// <summary>Updates every parameter once.</summary>
    public void Step()
    {
        foreach (var slot in _slots)
        {
            if (slot.Parameter is not { RequiresGradient: true, Gradient: { } gradient } parameter)
                continue;
            slot.Steps++;
            Update(slot, parameter, gradient);
        }
    }

    /// <summary>Forgets every gradient.</summary>
    public void ZeroGradients()
    {
        foreach (var slot in _slots)
            slot.Parameter.ZeroGradient();
    }

    /// <summary>Scales gradients down so that their common L2 norm is at most a maximum, as torch's clip_grad_norm_.</summary>
    /// <returns>The norm before.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The maximum is not above 0.</exception>
    public double ClipGradientNorm(double maximum)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maximum);
        var gradients = _slots.Where(slot => slot.Parameter.RequiresGradient)
            .Select(slot => slot.Parameter.Gradient).OfType<Tensor>().ToList();
        var norm = Math.Sqrt(gradients.Sum(GradientNorm.SumOfSquares));
        var factor = maximum / (norm + 1e-6);
        if (factor < 1)
            gradients.ForEach(gradient => GradientNorm.Scale(gradient, (float)factor));
        return norm;
    }

    /// <summary>Updates one parameter that has a gradient.</summary>
    private protected abstract void Update(Slot slot, Parameter parameter, Tensor gradient);

    private static string PlainName(string name, Parameter parameter) => parameter.Mask is null ? name : name[..^"_orig".Length];

    private static double Positive(double value, string what, string name) => value >= 0 && double.IsFinite(value)
        ? value
        : throw new ArgumentException($"The {what} of '{name}' must be at least 0, not {value}.");

    /// <summary>A parameter with its rates and what the optimizer remembers of it.</summary>
    private protected sealed class Slot(Parameter parameter, double learningRate, double weightDecay)
    {
        public Parameter Parameter => parameter;

        public double LearningRate => learningRate;

        public double WeightDecay => weightDecay;

        /// <summary>Updates so far, the one under way included.</summary>
        public long Steps { get; set; }

        /// <summary>A running mean of gradients; zeros at first.</summary>
        public Tensor First => field ??= Zeros();

        /// <summary>A running mean of squared gradients; zeros at first.</summary>
        public Tensor Second => field ??= Zeros();

        private Tensor Zeros() => TensorScope.Detach(Tensor.Zeros(parameter.Shape));
    }
}
