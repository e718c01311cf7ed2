using Coppice.Tensors.Ops;

namespace Coppice.Tensors;

public sealed partial class Tensor
{
    /// <summary>Rows of this table [V, D] by I64 ids [...]: [..., D].</summary>
    /// <exception cref="OpException">An id is not in 0..V-1.</exception>
    public Tensor Embedding(Tensor ids) => Op.ApplySingle(new Embedding(), ids, this);

    /// <summary>Normalises the last axis to mean 0 and variance 1, then scales by weight [D] and adds bias [D].</summary>
    public Tensor LayerNorm(Tensor weight, Tensor bias, float epsilon = 1e-5f) =>
        Op.ApplySingle(new LayerNorm(epsilon), this, weight, bias);

    /// <summary>Divides the last axis by its root mean square, then scales by weight [D].</summary>
    public Tensor RmsNorm(Tensor weight, float epsilon = 1e-6f) => Op.ApplySingle(new RmsNorm(epsilon), this, weight);

    /// <summary>Turns the pairs (i, i + D/2) of the last axis of [B, H, T, D] by position times frequency.</summary>
    /// <param name="positions">I64 [T] or [B, T].</param>
    /// <param name="frequencies">Radians for each position, F32 [D/2].</param>
    public Tensor RotaryEmbedding(Tensor positions, Tensor frequencies) =>
        Op.ApplySingle(new RotaryEmbedding(), this, positions, frequencies);

    /// <summary>The Gaussian error linear unit.</summary>
    public Tensor Gelu(GeluKind kind = GeluKind.Erf) => Op.ApplySingle(new Gelu(kind), this);

    /// <summary><c>max(x, 0)</c>.</summary>
    public Tensor Relu() => Op.ApplySingle(new Relu(), this);

    /// <summary><c>tanh x</c>.</summary>
    public Tensor Tanh() => Op.ApplySingle(new Tanh(), this);

    /// <summary><c>1 / (1 + e^-x)</c>.</summary>
    public Tensor Sigmoid() => Op.ApplySingle(new Sigmoid(), this);

    /// <summary><c>x * sigmoid(x)</c>.</summary>
    public Tensor Silu() => Op.ApplySingle(new Silu(), this);

    /// <summary>Softmax over the last axis.</summary>
    public Tensor Softmax() => Op.ApplySingle(new Softmax(), this);

    /// <summary>Logarithm of softmax over the last axis.</summary>
    public Tensor LogSoftmax() => Op.ApplySingle(new LogSoftmax(), this);

    /// <summary>Scaled dot-product attention of these queries [B, H, Tq, D], with the heads merged: [B, Tq, H * D].</summary>
    /// <param name="keys">[B, Hkv, Tk, D].</param>
    /// <param name="values">[B, Hkv, Tk, D].</param>
    /// <param name="causal">Whether query i sees only keys up to <c>i + Tk - Tq</c>.</param>
    /// <param name="mask">Added to the scores: [B or 1, H or 1, Tq or 1, Tk].</param>
    /// <param name="scale">Factor of the scores; <c>1 / sqrt(D)</c> where null.</param>
    public Tensor Attention(Tensor keys, Tensor values, bool causal = false, Tensor? mask = null, float? scale = null)
    {
        var op = new Attention(causal, scale ?? 1f / MathF.Sqrt(Math.Max(1, Shape.Rank == 0 ? 1 : Shape[^1])));
        return mask is null ? Op.ApplySingle(op, this, keys, values) : Op.ApplySingle(op, this, keys, values, mask);
    }
}
