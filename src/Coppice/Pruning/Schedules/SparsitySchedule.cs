namespace Coppice.Pruning.Schedules;

/// <summary>How sparse a model is to be over the steps of training: a pure function from a step, counted from 0, to a share of the original
/// weights.</summary>
/// <remarks>
/// <para>Pruning is due at <see cref="Begin"/>, every <see cref="Frequency"/> steps after it, and at <see cref="End"/>, where the final
/// sparsity is met exactly; between them the last value holds. Sparsity never falls.</para>
/// <para>Targets are shares of the original weights, not of those that remain. Pruning 0.2 of what remains, five times over, compounds:
/// <c>1 - 0.8^5</c> = 67.232 % are gone, neither 100 % nor 20 %. Five rounds of an iterative schedule to 0.2 end at 20 %.</para>
/// </remarks>
public sealed class SparsitySchedule
{
    private readonly Func<double, double> _curve;

    private SparsitySchedule(double from, double to, long begin, long end, long frequency, Func<double, double> curve)
    {
        if (!(from >= 0 && from <= to && to <= 1))
            throw new PruningException($"Sparsity can't go from {from} to {to}; give two shares in [0, 1], the larger one last.");
        if (begin < 0 || end < begin || frequency < 1)
            throw new PruningException($"A schedule from step {begin} to step {end}, every {frequency} steps, is none; "
                + "begin at 0 or later, end no earlier, and prune every 1 or more steps.");
        (Initial, Final, Begin, End, Frequency, _curve) = (from, to, begin, end, frequency, curve);
    }

    /// <summary>Sparsity at <see cref="Begin"/>.</summary>
    public double Initial { get; }

    /// <summary>Sparsity from <see cref="End"/> on.</summary>
    public double Final { get; }

    /// <summary>The first step at which pruning is due.</summary>
    public long Begin { get; }

    /// <summary>The last step at which pruning is due.</summary>
    public long End { get; }

    /// <summary>Steps from one pruning to the next.</summary>
    public long Frequency { get; }

    /// <summary>A line: <c>from + (to - from) t</c>, where t runs from 0 at <paramref name="begin"/> to 1 at
    /// <paramref name="end"/>.</summary>
    /// <exception cref="PruningException">A share is not in [0, 1], or the steps are out of order.</exception>
    public static SparsitySchedule Linear(double from, double to, long begin, long end, long frequency = 1) =>
        new(from, to, begin, end, frequency, t => from + (to - from) * t);

    /// <summary>Fast at first, then ever slower: <c>to + (from - to) (1 - t)^3</c> (Zhu and Gupta, "To prune, or not to prune",
    /// 2017).</summary>
    /// <inheritdoc cref="Linear"/>
    public static SparsitySchedule Cubic(double from, double to, long begin, long end, long frequency = 1) =>
        new(from, to, begin, end, frequency, t => to + (from - to) * (1 - t) * (1 - t) * (1 - t));

    /// <summary>The same share of what remains each time: what is kept falls as <c>(1 - from)^(1 - t) (1 - to)^t</c>.</summary>
    /// <inheritdoc cref="Linear"/>
    public static SparsitySchedule Exponential(double from, double to, long begin, long end, long frequency = 1) => to < 1
        ? new(from, to, begin, end, frequency, t => 1 - Math.Pow(1 - from, 1 - t) * Math.Pow(1 - to, t))
        : throw new PruningException($"An exponential schedule never reaches a sparsity of {to}; give less than 1, or another schedule.");

    /// <summary>Equal rounds, each followed by steps of recovery: <c>to j / rounds</c> from round j = 1 on (Han et al. 2015).</summary>
    /// <param name="to">Sparsity after the last round.</param>
    /// <param name="rounds">How many, at least 1.</param>
    /// <param name="begin">Step of the first round.</param>
    /// <param name="recovery">Steps from one round to the next, at least 1.</param>
    /// <exception cref="PruningException">The share is not in [0, 1], or a number is too small.</exception>
    public static SparsitySchedule Iterative(double to, int rounds, long begin, long recovery) => rounds >= 1
        ? new(to / rounds, to, begin, begin + (rounds - 1) * recovery, recovery, t => to * (1 + t * (rounds - 1)) / rounds)
        : throw new PruningException($"{rounds} rounds prune nothing; give 1 or more.");

    /// <summary>All at one step.</summary>
    /// <exception cref="PruningException">The share is not in [0, 1], or the step is negative.</exception>
    public static SparsitySchedule OneShot(double sparsity, long step = 0) => new(sparsity, sparsity, step, step, 1, _ => sparsity);

    /// <summary>Whether pruning is due at a step.</summary>
    public bool IsDue(long step) => step == End || (step >= Begin && step < End && (step - Begin) % Frequency == 0);

    /// <summary>The share of the original weights that is pruned at a step: that of the last step at which pruning was due.</summary>
    public double At(long step)
    {
        if (step < Begin)
            return 0;
        if (step >= End)
            return Final;
        var due = step - (step - Begin) % Frequency;
        return due == Begin ? Initial : Math.Clamp(_curve((double)(due - Begin) / (End - Begin)), Initial, Final);
    }
}
