using Coppice.Tensors.Ops;

namespace Coppice.Tensors;

public sealed partial class Tensor
{
    /// <summary><c>this + other</c>, with numpy's broadcasting.</summary>
    public Tensor Add(Tensor other) => Op.ApplySingle(new Add(), this, other);

    /// <summary><c>this - other</c>, with numpy's broadcasting.</summary>
    public Tensor Subtract(Tensor other) => Op.ApplySingle(new Subtract(), this, other);

    /// <summary><c>this * other</c>, element by element, with numpy's broadcasting.</summary>
    public Tensor Multiply(Tensor other) => Op.ApplySingle(new Multiply(), this, other);

    /// <summary>Sum over the last axis: [..., N] -> [...].</summary>
    public Tensor Sum() => Op.ApplySingle(new Sum(), this);

    /// <summary>Mean over the last axis: [..., N] -> [...].</summary>
    public Tensor Mean() => Op.ApplySingle(new Mean(), this);

    /// <summary>Each row (last axis) divided by its L2 norm, or by 1e-12 where that is larger: [..., N] -> [..., N].</summary>
    public Tensor L2Normalize() => Op.ApplySingle(new L2Normalize(), this);

    /// <summary>Index of the largest element of the last axis, the first of equals: [..., N] -> I64 [...].</summary>
    public Tensor ArgMax() => Op.ApplySingle(new ArgMax(), this);

    /// <summary>This tensor where it has the type already, else a copy converted to F32, F64, F16 or BF16.</summary>
    public Tensor Cast(DType dtype) => dtype == DType ? this : Op.ApplySingle(new Cast(dtype), this);

    /// <summary>The whole numbers start, start + 1, ...: I64 [count].</summary>
    /// <exception cref="OpException">The count is negative.</exception>
    public static Tensor Arange(int start, int count) => Op.ApplySingle(new Arange(start, count));

    /// <summary>Joins tensors along an axis; negative axes count from the end.</summary>
    /// <exception cref="OpException">There is no tensor, or types or the other sizes differ.</exception>
    public static Tensor Concat(int axis, params ReadOnlySpan<Tensor> tensors) =>
        Op.ApplySingle(new Concat(tensors.IsEmpty ? axis : tensors[0].Axis(axis)), tensors);
}
