using Coppice.Tensors.Kernels;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors;

public sealed partial class Tensor
{
    /// <summary>The same elements under another shape; one size may be -1. Copies only a strided view.</summary>
    public Tensor Reshape(params int[] sizes) => Op.ApplySingle(new Reshape(sizes), this);

    /// <summary>A view with two axes swapped; negative axes count from the end.</summary>
    public Tensor Transpose(int axis0, int axis1) => Op.ApplySingle(new Transpose(Axis(axis0), Axis(axis1)), this);

    /// <summary>A view of <paramref name="length"/> entries of one axis, from <paramref name="start"/>.</summary>
    public Tensor Narrow(int axis, int start, int length) => Op.ApplySingle(new Narrow(Axis(axis), start, length), this);

    /// <summary>A view without one axis of size 1.</summary>
    public Tensor Squeeze(int axis) => Op.ApplySingle(new Squeeze(Axis(axis)), this);

    /// <summary>This tensor where it is row-major already, else a row-major copy.</summary>
    public Tensor Contiguous() => IsContiguous ? this : Op.ApplySingle(new Contiguous(), this);

    /// <summary>Copies the elements of <paramref name="source"/> into this tensor, which may be a strided view (a slot of a cache, say).</summary>
    /// <exception cref="ArgumentException">Shapes or types differ.</exception>
    public unsafe void CopyFrom(Tensor source)
    {
        if (source.Shape != Shape || source.DType != DType)
            throw new ArgumentException($"{source} can't be copied into {this}; shapes and types must be equal.", nameof(source));
        Storage.MarkWritten();
        StridedCopy.Run(source, this);
        GC.KeepAlive(source);
        GC.KeepAlive(this);
    }

    /// <summary>Adds the elements of <paramref name="other"/> to this tensor's, where they lie.</summary>
    /// <remarks>No op: neither trace nor tape sees it.</remarks>
    /// <exception cref="ArgumentException">Shapes differ, or a type is not F32.</exception>
    /// <exception cref="InvalidOperationException">This tensor is a strided view.</exception>
    public void AddInPlace(Tensor other)
    {
        if (other.Shape != Shape || other.DType != DType.F32 || DType != DType.F32)
            throw new ArgumentException($"{other} can't be added into {this}; both must be F32 of one shape.", nameof(other));
        Storage.MarkWritten();
        Broadcast.Run<AddKernel>(this, other, this);
        GC.KeepAlive(other);
        GC.KeepAlive(this);
    }

    private int Axis(int axis) => axis < 0 ? axis + Shape.Rank : axis;
}
