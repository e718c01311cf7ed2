namespace Coppice.Training;

/// <summary>Learning rates over time: pure functions from a step, counted from 0, to the factor of the base learning rate.</summary>
/// <remarks>Give the result to <see cref="Optimizer.LearningRateFactor"/> before each step. Periods are in steps.</remarks>
public static class LearningRateSchedule
{
    /// <summary>Half a cosine from 1 at step 0 to a floor at the end of the period and after (Loshchilov and Hutter 2017).</summary>
    public static double CosineAnnealing(long step, long period, double floor = 0)
    {
        Check(step, period);
        return Cosine(1, floor, (double)Math.Min(step, period) / period);
    }

    /// <summary>Cosine annealing that starts again at 1 after each period; each is so many times the last (SGDR).</summary>
    public static double CosineWarmRestarts(long step, long period, int multiplier = 1, double floor = 0)
    {
        Check(step, period);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(multiplier);
        if (multiplier == 1)
            step %= period;
        for (; step >= period; period = checked(period * multiplier))
            step -= period;
        return Cosine(1, floor, (double)step / period);
    }

    /// <summary>A line from 1 / <paramref name="warmup"/> at step 0 to 1 at the last of so many steps; then 1.</summary>
    public static double LinearWarmup(long step, long warmup)
    {
        Check(step, warmup);
        return Math.Min(1, (step + 1.0) / warmup);
    }

    /// <summary>Times <paramref name="gamma"/> after each period.</summary>
    public static double StepDecay(long step, long period, double gamma = 0.1)
    {
        Check(step, period);
        return Math.Pow(gamma, step / period);
    }

    /// <summary>
    /// One cycle (Smith and Topin 2018) as torch's OneCycleLR: a cosine up from 1 / <paramref name="startDivisor"/> to 1 within the first
    /// share of the steps, then one down to <c>1 / startDivisor / endDivisor</c> at the last step and after.
    /// </summary>
    public static double OneCycle(long step, long steps, double rise = 0.3, double startDivisor = 25, double endDivisor = 1e4)
    {
        Check(step, steps);
        if (!(rise is > 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(rise), $"The share of rising steps must be between 0 and 1, not {rise}.");
        var (top, last, start) = (rise * steps - 1, steps - 1.0, 1 / startDivisor);
        return step <= top
            ? Cosine(start, 1, step / top)
            : Cosine(1, start / endDivisor, (Math.Min(step, last) - top) / (last - top));
    }

    private static double Cosine(double from, double to, double share) => to + (from - to) * (1 + Math.Cos(Math.PI * share)) / 2;

    private static void Check(long step, long period)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(period);
    }
}
