using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Kernels;

/// <summary>Where in a row-major tensor the blocks lie that indices speak of, and how many elements a block has.</summary>
internal readonly record struct BlockOffsets(long[] Starts, int Size)
{
    /// <summary>Of Gather: block i of each outer position, for each index.</summary>
    public static BlockOffsets Along(string op, Shape x, int axis, Tensor indices)
    {
        var numbers = indices.ToArray<long>();
        var (outer, block) = (Product(x.Dims[..axis]), Product(x.Dims[(axis + 1)..]));
        var starts = new long[checked(outer * numbers.Length)];
        for (var i = 0L; i < starts.Length; i++)
        {
            var (row, at) = Math.DivRem(i, numbers.Length);
            starts[i] = (row * x[axis] + Index(op, numbers[at], x, axis, at)) * block;
        }
        return new(starts, checked((int)block));
    }

    /// <summary>Of GatherElements: the element at each index's own place, but along the axis where the index says.</summary>
    public static BlockOffsets Elements(string op, Shape x, int axis, Tensor indices)
    {
        var numbers = indices.ToArray<long>();
        var strides = x.ContiguousStrides();
        var starts = new long[numbers.Length];
        for (var i = 0; i < starts.Length; i++)
        {
            var rest = i;
            for (var dim = x.Rank - 1; dim >= 0; dim--)
            {
                (rest, var at) = Math.DivRem(rest, indices.Shape[dim]);
                starts[i] += (dim == axis ? Index(op, numbers[i], x, axis, i) : at) * strides[dim];
            }
        }
        return new(starts, 1);
    }

    /// <summary>Of GatherND: rows of indices, one number for each of the axes after the batch axes.</summary>
    public static BlockOffsets Rows(string op, Shape x, int batchAxes, Tensor indices)
    {
        var numbers = indices.ToArray<long>();
        var depth = indices.Shape[^1];
        var strides = x.ContiguousStrides();
        var block = Product(x.Dims[(batchAxes + depth)..]);
        var starts = new long[depth == 0 ? Product(indices.Shape.Dims[..^1]) : numbers.Length / depth];
        var perBatch = starts.Length / Math.Max(1, Product(x.Dims[..batchAxes]));
        var batchSize = Product(x.Dims[batchAxes..]);
        for (var i = 0; i < starts.Length; i++)
        {
            starts[i] = perBatch == 0 ? 0 : i / perBatch * batchSize;
            for (var axis = 0; axis < depth; axis++)
            {
                var at = (long)i * depth + axis;
                starts[i] += Index(op, numbers[at], x, batchAxes + axis, at) * strides[batchAxes + axis];
            }
        }
        return new(starts, checked((int)block));
    }

    /// <summary>Copies the blocks one after the other into y.</summary>
    public unsafe void Gather(Tensor x, Tensor y)
    {
        var (starts, size, bytes) = (Starts, Size, (long)Size * x.DType.ByteSize());
        byte* from = x.Storage.Pointer + x.Offset * x.DType.ByteSize(), to = y.Storage.Pointer + y.Offset * y.DType.ByteSize();
        if (size == 0)
            return;
        Workers.For(RowChunks.Count(starts.Length, size), chunk =>
        {
            var (first, end) = RowChunks.Range(starts.Length, size, chunk);
            for (var i = first; i < end; i++)
                Buffer.MemoryCopy(from + starts[i] * (bytes / size), to + i * bytes, bytes, bytes);
        });
    }

    /// <summary>Copies one block of x after the other to where they belong in y, later ones over earlier ones.</summary>
    public unsafe void Scatter(Tensor x, Tensor y)
    {
        var element = x.DType.ByteSize();
        var bytes = (long)Size * element;
        byte* from = x.Storage.Pointer + x.Offset * element, to = y.Storage.Pointer + y.Offset * element;
        for (var i = 0L; i < Starts.Length; i++)
            Buffer.MemoryCopy(from + i * bytes, to + Starts[i] * element, bytes, bytes);
    }

    /// <summary>Combines each block of x, in order, with what stands in y.</summary>
    public void Combine<TOp>(Tensor x, Tensor y) where TOp : struct, IBinary => NumberTypes.Run(x.DType, new Combination<TOp>(this, x, y));

    private static long Index(string op, long index, Shape x, int axis, long position)
    {
        var size = x[axis];
        return index >= -size && index < size
            ? index < 0 ? index + size : index
            : throw new OpException($"{op}: index {index} at position {position} is not in {-size}..{size - 1}, the entries of axis {axis} "
                + $"of {x}.");
    }

    private static long Product(ReadOnlySpan<int> dims)
    {
        var product = 1L;
        foreach (var dim in dims)
            product *= dim;
        return product;
    }

    private readonly unsafe struct Combination<TOp>(BlockOffsets blocks, Tensor x, Tensor y) : INumberAction where TOp : struct, IBinary
    {
        public void Run<T>() where T : unmanaged, System.Numerics.INumber<T>, System.Numerics.IMinMaxValue<T>
        {
            T* from = x.Pointer<T>(), to = y.Pointer<T>();
            foreach (var start in blocks.Starts)
                for (var i = 0L; i < blocks.Size; i++, from++)
                    to[start + i] = TOp.Number(to[start + i], *from);
        }
    }
}
