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
}
