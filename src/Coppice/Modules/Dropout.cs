using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>In training zeroes each element with probability p and multiplies the others by 1/(1-p); else the identity (Srivastava et al.,
/// "Dropout: a simple way to prevent neural networks from overfitting", 2014).</summary>
public sealed class Dropout : Layer
{
    /// <summary>A layer that draws from <paramref name="random"/>: one single-precision draw for each element, in row-major
    /// order.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="p"/> is not in [0, 1].</exception>
    public Dropout(double p, RandomSource random)
    {
        if (p is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(p), p, "The probability of dropping an element must lie in [0, 1].");
        (P, Random) = (p, random);
    }

    /// <summary>Where the draws come from.</summary>
    public RandomSource Random { get; }

    /// <summary>Probability that an element is dropped.</summary>
    public double P { get; }

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input)
    {
        if (!IsTraining || P == 0)
            return input;
        var scale = (float)(1 / (1 - P));
        var mask = Tensor.Empty(input.Shape);
        foreach (ref var value in mask.AsSpan<float>())
            value = Random.NextSingle() < P ? 0 : scale;
        return input.Multiply(mask);
    }
}
