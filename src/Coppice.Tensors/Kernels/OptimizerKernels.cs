namespace Coppice.Tensors.Kernels;

/// <summary>Updates of one parameter in one pass over its memory. All tensors are F32, row-major, of the parameter's shape.</summary>
/// <remarks>Where a mask is 0 values stay as they are, whatever the gradient, and the optimizer's state becomes 0.</remarks>
public static unsafe class OptimizerKernels
{
    /// <summary>
    /// SGD as torch does it: <c>g += weightDecay p; v = momentum v + g; g = v</c>, or <c>g += momentum v</c> with Nesterov's;
    /// <c>p -= learningRate g</c>.
    /// </summary>
    /// <param name="values">p, updated.</param>
    /// <param name="gradient">g.</param>
    /// <param name="velocity">v, updated, zeros before the first step; null without momentum.</param>
    /// <param name="mask">Zeros and ones, or null.</param>
    /// <param name="settings">The factors.</param>
    /// <exception cref="ArgumentException">A tensor does not fit.</exception>
    public static void Sgd(Tensor values, Tensor gradient, Tensor? velocity, Tensor? mask, in SgdSettings settings)
    {
        Check(values, gradient, velocity, mask);
        var kernel = new SgdKernel(
            values.Pointer<float>(), gradient.Pointer<float>(), Address(velocity), Address(mask), values.Count, settings);
        SimdKernel.Run(Elementwise.Chunks(values.Count), kernel);
        Finish(values, gradient, velocity, mask);
    }

    /// <summary>
    /// Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019) as torch does them: decay, then <c>m = beta1 m + (1 - beta1) g;
    /// v = beta2 v + (1 - beta2) g^2; p -= step m / (sqrt(v) / correction + epsilon)</c>.
    /// </summary>
    /// <param name="values">p, updated.</param>
    /// <param name="gradient">g.</param>
    /// <param name="mean">m, updated, zeros before the first step.</param>
    /// <param name="square">v, updated, zeros before the first step.</param>
    /// <param name="mask">Zeros and ones, or null.</param>
    /// <param name="settings">The factors.</param>
    /// <exception cref="ArgumentException">A tensor does not fit.</exception>
    public static void Adam(Tensor values, Tensor gradient, Tensor mean, Tensor square, Tensor? mask, in AdamSettings settings)
    {
        Check(values, gradient, mean, square, mask);
        var kernel = new AdamKernel(values.Pointer<float>(), gradient.Pointer<float>(), mean.Pointer<float>(), square.Pointer<float>(),
            Address(mask), values.Count, settings);
        SimdKernel.Run(Elementwise.Chunks(values.Count), kernel);
        Finish(values, gradient, mean, square, mask);
    }

    private static float* Address(Tensor? tensor) => tensor is null ? null : tensor.Pointer<float>();

    private static void Check(Tensor values, params ReadOnlySpan<Tensor?> others)
    {
        foreach (var other in others)
            if (other is not null && (other.Shape != values.Shape || other.DType != DType.F32 || !other.IsContiguous))
                throw new ArgumentException(
                    $"A parameter of {values} can't be updated with {other}: both must be row-major F32 of one shape.");
        values.Storage.MarkWritten();
    }

    private static void Finish(params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (var tensor in tensors)
            GC.KeepAlive(tensor); // kernels hold bare pointers
    }
}

/// <summary>Factors of one SGD step.</summary>
public readonly record struct SgdSettings(float LearningRate, float Momentum, float WeightDecay, bool Nesterov);

/// <summary>Factors of one Adam step.</summary>
/// <param name="StepSize">Learning rate / (1 - beta1^t) at step t from 1.</param>
/// <param name="Beta1">Decay of the mean.</param>
/// <param name="Beta2">Decay of the mean square.</param>
/// <param name="Correction">sqrt(1 - beta2^t).</param>
/// <param name="Epsilon">Added to the root.</param>
/// <param name="L2Penalty">Times the values added to the gradient: Adam's weight decay.</param>
/// <param name="Shrink">What values are multiplied by first: 1 - learning rate x weight decay in AdamW, else 1.</param>
public readonly record struct AdamSettings(
    float StepSize, float Beta1, float Beta2, float Correction, float Epsilon, float L2Penalty, float Shrink);
