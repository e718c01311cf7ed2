using Coppice.Tensors;

namespace Coppice.Checkpoints;

/// <summary>A named tensor whose bytes can be read piece by piece: from a mapped file, from memory, or through a mask.</summary>
/// <remarks>What checkpoints list and writers consume. Reading is thread-safe and random-access, so that work streams and parallelises
/// without holding a model in memory.</remarks>
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

    /// <summary>A source that reads a tensor in memory; two names of one <see cref="Tensor"/> object are tied.</summary>
    public static TensorSource From(string name, Tensor tensor) => new MemoryTensor(name, tensor);

    /// <summary>Copies row-major little-endian bytes from <paramref name="byteOffset"/> on until <paramref name="destination"/> is
    /// full.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the tensor.</exception>
    public abstract void Read(long byteOffset, Span<byte> destination);

    /// <summary>Looks at a range of the bytes without copying, where they lie in memory or in a mapped file.</summary>
    /// <returns>False where the bytes have to be computed or gathered; call <see cref="Read"/> then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the tensor.</exception>
    public virtual bool TryGetSpan(long byteOffset, int length, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        return false;
    }

    /// <summary>A range of the bytes for one look at them: where they lie in memory, else read into
    /// <paramref name="scratch"/>.</summary>
    internal virtual ReadOnlySpan<byte> View(long byteOffset, int length, Span<byte> scratch)
    {
        if (TryGetSpan(byteOffset, length, out var bytes))
            return bytes;
        Read(byteOffset, scratch[..length]);
        return scratch[..length];
    }

    /// <summary>Form for messages: <c>wte.weight F32 [4096, 128]</c>.</summary>
    public override string ToString() => $"{Name} {DType} {Shape}";

    /// <summary>Checks a range of bytes asked for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the tensor.</exception>
    protected void CheckRange(long byteOffset, int length)
    {
        if (byteOffset < 0 || length < 0 || byteOffset > ByteLength - length)
            throw new ArgumentOutOfRangeException(nameof(byteOffset),
                $"Bytes {byteOffset}..{byteOffset}+{length} are not within {this} ({ByteLength} bytes).");
    }
}
