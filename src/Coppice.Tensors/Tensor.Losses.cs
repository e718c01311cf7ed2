using Coppice.Tensors.Ops;

namespace Coppice.Tensors;

public sealed partial class Tensor
{
    /// <summary>Mean cross-entropy of softmax over these logits [..., V] with class numbers: [].</summary>
    /// <param name="targets">I64 [...], each in 0..V-1 or <paramref name="ignoredTarget"/>.</param>
    /// <param name="labelSmoothing">Share of the target spread over all classes, in 0..1.</param>
    /// <param name="ignoredTarget">Marks rows that do not count.</param>
    /// <exception cref="OpException">Shapes do not fit, or a target is no class.</exception>
    public Tensor CrossEntropy(Tensor targets, float labelSmoothing = 0, long ignoredTarget = -100) =>
        Op.ApplySingle(new CrossEntropy(labelSmoothing, ignoredTarget), this, targets);

    /// <summary><c>T^2 KL(teacher || this)</c> of softmax(logits / T), mean over rows, for distillation: [..., V] -> [].</summary>
    /// <exception cref="OpException">Shapes differ, or the temperature is not above 0.</exception>
    public Tensor KlDivergence(Tensor teacher, float temperature = 1) => Op.ApplySingle(new KlDivergence(temperature), this, teacher);

    /// <summary>Mean of the squared differences from a tensor of the same shape: [...] -> [].</summary>
    public Tensor MeanSquaredError(Tensor target) => Op.ApplySingle(new MeanSquaredError(), this, target);

    /// <summary>Zeroes each element with a probability and divides the others by the rest, 1 - probability (Srivastava et al. 2014).</summary>
    /// <param name="probability">At least 0 and below 1; 0 returns this tensor and draws nothing.</param>
    /// <param name="random">Gives one draw an element, row-major, so that the same state drops the same elements.</param>
    /// <exception cref="ArgumentOutOfRangeException">The probability is out of range.</exception>
    public Tensor Dropout(float probability, RandomSource random)
    {
        if (!(probability is >= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(probability), $"Dropout needs a probability of at least 0 and below 1, not {probability}.");
        if (probability == 0)
            return this;
        var factors = Empty(Shape);
        foreach (ref var factor in factors.AsSpan<float>())
            factor = random.NextSingle() < probability ? 0 : 1 / (1 - probability);
        return Multiply(factors);
    }
}
