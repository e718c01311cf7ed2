using Coppice.Tensors.Ops;

namespace Coppice.Tensors;

public sealed partial class Tensor
{
    /// <summary>Matrix product of the last two axes, [..., M, K] x [K, N] or [..., K, N] -> [..., M, N]; the axes before broadcast.</summary>
    /// <exception cref="OpException">The shapes do not fit.</exception>
    public Tensor MatMul(Tensor other) => Op.ApplySingle(new MatMul(), this, other);

    /// <summary>Linear layer of this [..., in] with a weight stored by <paramref name="layout"/> and an optional bias [out] -> [..., out].</summary>
    /// <exception cref="OpException">The shapes do not fit.</exception>
    public Tensor Linear(Tensor weight, Tensor? bias = null, WeightLayout layout = WeightLayout.OutIn) => bias is null
        ? Op.ApplySingle(new Linear(layout), this, weight)
        : Op.ApplySingle(new Linear(layout), this, weight, bias);
}
