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
        foreach (var (name, parameter) in module.ParametersByPlainName())
        {
            var group = groups.FirstOrDefault(group => group.Matches(name));
            if (group is not null)
                used.Add(group);
            _slots.Add(new(name, parameter, Positive(group?.LearningRate ?? learningRate, "learning rate", name),
                Positive(group?.WeightDecay ?? weightDecay, "weight decay", name)));
        }
        if (groups.FirstOrDefault(group => !used.Contains(group)) is { } unused)
            throw new ArgumentException(
                $"No parameter of {module.GetType().Name} is left for the group '{unused.Glob}': check its name, or the globs before it.",
                nameof(groups));
    }

    /// <summary>What every learning rate is multiplied by, as a schedule says (see <see cref="LearningRateSchedule"/>).</summary>
    public double LearningRateFactor { get; set; } = 1;

    /// <summary>What it remembers of each parameter, to be saved and given to <see cref="LoadState"/>; the tensors themselves, not copies.</summary>
    public IEnumerable<(string Name, Tensor Value)> State() => _slots.SelectMany(slot => slot.State());

    /// <summary>Goes on where another optimizer of the same kind, of the same parameters, was.</summary>
    /// <param name="state">What <see cref="State"/> gave; values are copied.</param>
    /// <exception cref="ArgumentException">A tensor has another shape than here.</exception>
    public void LoadState(IReadOnlyDictionary<string, Tensor> state)
    {
        foreach (var slot in _slots)
            slot.LoadState(state);
    }

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

    /// <summary>The name of a parameter whose gradient holds NaN or an infinity; null where all are finite.</summary>
    public string? FindNonFiniteGradient() => _slots.Find(slot =>
        slot.Parameter is { RequiresGradient: true, Gradient: { } gradient } && !double.IsFinite(GradientNorm.SumOfSquares(gradient)))?.Name;

    /// <summary>Updates one parameter that has a gradient.</summary>
    private protected abstract void Update(Slot slot, Parameter parameter, Tensor gradient);

    private static double Positive(double value, string what, string name) => value >= 0 && double.IsFinite(value)
        ? value
        : throw new ArgumentException($"The {what} of '{name}' must be at least 0, not {value}.");

    /// <summary>A parameter with its rates and what the optimizer remembers of it.</summary>
    private protected sealed class Slot(string name, Parameter parameter, double learningRate, double weightDecay)
    {
        private Tensor? _first;
        private Tensor? _second;

        public string Name => name;

        public Parameter Parameter => parameter;

        public double LearningRate => learningRate;

        public double WeightDecay => weightDecay;

        /// <summary>Updates so far, the one under way included.</summary>
        public long Steps { get; set; }

        /// <summary>A running mean of gradients; zeros at first.</summary>
        public Tensor First => _first ??= Zeros();

        /// <summary>A running mean of squared gradients; zeros at first.</summary>
        public Tensor Second => _second ??= Zeros();

        public IEnumerable<(string, Tensor)> State()
        {
            yield return (name + "/steps", Tensor.From([Steps], [1]));
            if (_first is not null)
                yield return (name + "/first", _first);
            if (_second is not null)
                yield return (name + "/second", _second);
        }

        public void LoadState(IReadOnlyDictionary<string, Tensor> state)
        {
            Steps = state.TryGetValue(name + "/steps", out var steps) ? steps.Item<long>() : 0;
            _first = Copy(state.GetValueOrDefault(name + "/first"));
            _second = Copy(state.GetValueOrDefault(name + "/second"));
        }

        private Tensor? Copy(Tensor? saved)
        {
            if (saved is null)
                return null;
            var copy = Zeros();
            copy.CopyFrom(saved);
            return copy;
        }

        private Tensor Zeros() => TensorScope.Detach(Tensor.Zeros(parameter.Shape));
    }
}
