using Coppice.Tensors.Ops;

namespace Coppice.Tensors;

public sealed partial class Tensor
{
    /// <summary><c>this / other</c>, with numpy's broadcasting.</summary>
    public Tensor Divide(Tensor other) => Op.ApplySingle(new Divide(), this, other);

    /// <summary><c>this^other</c>, with numpy's broadcasting.</summary>
    public Tensor Power(Tensor other) => Op.ApplySingle(new Power(), this, other);

    /// <summary>The smaller of each two elements, with numpy's broadcasting.</summary>
    public Tensor Minimum(Tensor other) => Op.ApplySingle(new Minimum(), this, other);

    /// <summary>The larger of each two elements, with numpy's broadcasting.</summary>
    public Tensor Maximum(Tensor other) => Op.ApplySingle(new Maximum(), this, other);

    /// <summary>A truth value for each two elements, with numpy's broadcasting: Bool.</summary>
    public Tensor Compare(Comparison kind, Tensor other) => Op.ApplySingle(new Compare(kind), this, other);

    /// <summary><c>condition ? a : b</c> for each element, with numpy's broadcasting.</summary>
    public static Tensor Where(Tensor condition, Tensor a, Tensor b) => Op.ApplySingle(new Where(), condition, a, b);

    /// <summary><c>e^this</c>.</summary>
    public Tensor Exp() => Op.ApplySingle(new Exp(), this);

    /// <summary>The natural logarithm.</summary>
    public Tensor Log() => Op.ApplySingle(new Log(), this);

    /// <summary>The square root.</summary>
    public Tensor Sqrt() => Op.ApplySingle(new Sqrt(), this);

    /// <summary>One number for all along some axes, which are kept with size 1; negative axes count from the end.</summary>
    public Tensor Reduce(Reduction kind, params ReadOnlySpan<int> axes) =>
        Op.ApplySingle(new Reduce(kind, IntList.Create(Array.ConvertAll(axes.ToArray(), Axis))), this);

    /// <summary>A view with the axes in another order; negative axes count from the end.</summary>
    public Tensor Permute(params ReadOnlySpan<int> axes) =>
        Op.ApplySingle(new Permute(IntList.Create(Array.ConvertAll(axes.ToArray(), Axis))), this);

    /// <summary>A view with a new axis of size 1; a negative place counts from the end of the result.</summary>
    public Tensor Unsqueeze(int axis) => Op.ApplySingle(new Unsqueeze(axis < 0 ? axis + Shape.Rank + 1 : axis), this);

    /// <summary>A view that repeats axes of size 1.</summary>
    public Tensor Expand(Shape shape) => shape == Shape ? this : Op.ApplySingle(new Expand(shape), this);

    /// <summary>Blocks of one axis by their numbers: [.., N, ..] and indices [I...] -> [.., I..., ..].</summary>
    public Tensor Gather(Tensor indices, int axis = 0) => Op.ApplySingle(new Gather(Axis(axis)), this, indices);
}
