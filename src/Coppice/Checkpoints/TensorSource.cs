using Coppice.Tensors;

namespace Coppice.Checkpoints;

/// <summary>A named tensor whose bytes can be read piece by piece: from a mapped file, from memory, or through a mask.</summary>
/// <remarks>What checkpoints list and writers consume. Reading is thread-safe and random-access, so that work streams and parallelises without holding a model in memory.</remarks>
public abstract class TensorSource(string name, DType dtype, Shape shape)
{
    /// <summary>The parameter's full name, exactly as stored.</summary>
    public string Name { get; } = name;

    /// <summary>Element type.</summary>
    public DType DType { get; } = dtype;

    /// <summary>Axis sizes, outermost first.</summary>
    public Shape Shape { get; } = shape;

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Count;

    /// <summary>Bytes of the row-major, little-endian elements.</summary>
    public long ByteLength => checked(Shape.Count * DType.BitSize()) / 8;

    /// <summary>Two sources with equal identity are the same memory under two names: tied weights.</summary>
    public virtual object Identity => this;

    /// <summary>Copies row-major little-endian bytes from <paramref name="byteOffset"/> on until <paramref name="destination"/> is full.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the tensor.</exception>
    public abstract void Read(long byteOffset, Span<byte> destination);

    /// <summary>A look at the bytes where they are, without a copy; false where they must be read.</summary>
    /// <remarks>The span is valid as long as the checkpoint is open.</remarks>
    public virtual bool TryGetSpan(long byteOffset, int length, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        return false;
    }
}
