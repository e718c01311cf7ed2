using System.Runtime.CompilerServices;

namespace Coppice.Tensors;

/// <summary>A dense n-dimensional array in native memory, possibly a strided view of another tensor's memory.</summary>
/// <remarks>Shape and type never change; contents may. Safe to read from several threads, not to write while others read.</remarks>
public sealed partial class Tensor
{
    private readonly int[] _strides;

    internal Tensor(Storage storage, long offset, Shape shape, int[] strides, DType dtype)
    {
        Storage = storage;
        Offset = offset;
        Shape = shape;
        DType = dtype;
        _strides = strides;
        IsContiguous = IsRowMajor(shape, strides);
    }

    /// <summary>Axis sizes, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Distance in elements between neighbours along each axis.</summary>
    public ReadOnlySpan<int> Strides => _strides;

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Count;

    /// <summary>Whether the elements lie row-major without gaps.</summary>
    public bool IsContiguous { get; }

    /// <summary>Rises whenever the contents may have changed; what was derived from them (a masked copy, packed panels) compares it.</summary>
    public int Version => Storage.Version;

    internal Storage Storage { get; }

    /// <summary>Index of the first element within the storage.</summary>
    internal long Offset { get; }

    /// <summary>Whether two tensors view the same memory, as tied weights do.</summary>
    public bool SharesMemoryWith(Tensor other) => ReferenceEquals(Storage, other.Storage);

    /// <summary>A new tensor whose contents are not defined.</summary>
    public static Tensor Empty(Shape shape, DType dtype = DType.F32) =>
        new(new Storage(checked(shape.Count * dtype.ByteSize())), 0, shape, shape.ContiguousStrides(), dtype);

    /// <summary>A new tensor of zeros.</summary>
    public static unsafe Tensor Zeros(Shape shape, DType dtype = DType.F32)
    {
        var tensor = Empty(shape, dtype);
        System.Runtime.InteropServices.NativeMemory.Clear(tensor.Storage.Pointer, (nuint)tensor.Storage.ByteLength);
        return tensor;
    }

    /// <summary>A new tensor with every element at <paramref name="value"/>.</summary>
    public static Tensor Full(Shape shape, float value)
    {
        var tensor = Empty(shape);
        tensor.AsSpan<float>().Fill(value);
        return tensor;
    }

    /// <summary>A new tensor with a copy of <paramref name="values"/>, row-major.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's.</exception>
    public static Tensor From<T>(ReadOnlySpan<T> values, Shape shape) where T : unmanaged
    {
        if (values.Length != shape.Count)
            throw new ArgumentException($"{values.Length} values can't fill shape {shape} ({shape.Count} elements).", nameof(values));
        var tensor = Empty(shape, DTypeOf<T>());
        values.CopyTo(tensor.AsSpan<T>());
        return tensor;
    }

    /// <summary>The elements of a contiguous tensor, to read.</summary>
    /// <exception cref="InvalidOperationException">The tensor is a strided view, or <typeparamref name="T"/> is not its element type.</exception>
    public unsafe ReadOnlySpan<T> AsReadOnlySpan<T>() where T : unmanaged => new(Pointer<T>(), checked((int)Count));

    /// <summary>The elements of a contiguous tensor, to read and write.</summary>
    /// <inheritdoc cref="AsReadOnlySpan{T}"/>
    public unsafe Span<T> AsSpan<T>() where T : unmanaged
    {
        Storage.MarkWritten();
        return new(Pointer<T>(), checked((int)Count));
    }

    /// <summary>The single value of a one-element tensor.</summary>
    public T Item<T>() where T : unmanaged => Count == 1
        ? ToArray<T>()[0]
        : throw new InvalidOperationException($"Item needs a tensor of one element; this one has shape {Shape}.");

    /// <summary>Copies the elements, row-major, into a new array.</summary>
    public T[] ToArray<T>() where T : unmanaged
    {
        var source = Contiguous();
        var values = source.AsReadOnlySpan<T>().ToArray();
        GC.KeepAlive(source); // a span alone does not keep native memory from its finalizer
        return values;
    }

    /// <summary>Form for messages: <c>F32 [2, 3]</c>.</summary>
    public override string ToString() => $"{DType} {Shape}";

    /// <summary>Address of the first element of a contiguous tensor.</summary>
    internal unsafe T* Pointer<T>() where T : unmanaged => IsContiguous
        ? StridedPointer<T>()
        : throw new InvalidOperationException($"{this} is a strided view; call Contiguous() first.");

    /// <summary>Address of the first element; the caller honours <see cref="Strides"/>.</summary>
    internal unsafe T* StridedPointer<T>() where T : unmanaged => Unsafe.SizeOf<T>() == DType.ByteSize()
        ? (T*)Storage.Pointer + Offset
        : throw new InvalidOperationException($"{this} does not hold elements of type {typeof(T).Name}.");

    internal static DType DTypeOf<T>() => typeof(T) switch
    {
        var t when t == typeof(float) => DType.F32,
        var t when t == typeof(double) => DType.F64,
        var t when t == typeof(Half) => DType.F16,
        var t when t == typeof(long) => DType.I64,
        var t when t == typeof(int) => DType.I32,
        var t when t == typeof(short) => DType.I16,
        var t when t == typeof(sbyte) => DType.I8,
        var t when t == typeof(ulong) => DType.U64,
        var t when t == typeof(uint) => DType.U32,
        var t when t == typeof(ushort) => DType.U16,
        var t when t == typeof(byte) => DType.U8,
        var t when t == typeof(bool) => DType.Bool,
        _ => throw new NotSupportedException($"Tensors do not hold elements of type {typeof(T).Name}."),
    };

    private static bool IsRowMajor(Shape shape, ReadOnlySpan<int> strides)
    {
        var step = 1;
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            if (shape[axis] != 1 && strides[axis] != step)
                return shape.Count == 0;
            step *= Math.Max(1, shape[axis]);
        }
        return true;
    }
}
