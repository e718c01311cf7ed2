using Coppice.Tensors;

namespace Coppice.Checkpoints;

/// <summary>A strided view of a block (transposed, sliced or expanded), read in row-major order.</summary>
internal sealed class StridedTensor(string name, DType dtype, Shape shape, ByteBlock block, long start, long[] strides)
    : TensorSource(name, dtype, shape)
{
    private readonly int _size = dtype.ByteSize();

    public override object Identity => (block, start, string.Join(",", strides), Shape, DType);

    public override void Read(long byteOffset, Span<byte> destination)
    {
        CheckRange(byteOffset, destination.Length);
        Span<int> index = stackalloc int[Shape.Rank];
        var position = Seek(byteOffset / _size, index);
        var skip = (int)(byteOffset % _size); // a range may begin and end within an element
        while (!destination.IsEmpty)
        {
            var length = Math.Min(_size - skip, destination.Length);
            block.Slice(start + position * _size + skip, length).CopyTo(destination);
            destination = destination[length..];
            skip = 0;
            position += Advance(index);
        }
    }

    /// <summary>Axis indices and place in the block of the row-major element <paramref name="element"/>.</summary>
    private long Seek(long element, Span<int> index)
    {
        long position = 0;
        for (var axis = Shape.Rank - 1; axis >= 0; axis--)
        {
            index[axis] = (int)(element % Shape[axis]);
            element /= Shape[axis];
            position += index[axis] * strides[axis];
        }
        return position;
    }

    /// <summary>Moves on to the next row-major element and returns how far that is in the block.</summary>
    private long Advance(Span<int> index)
    {
        long step = 0;
        for (var axis = Shape.Rank - 1; axis >= 0; axis--)
        {
            step += strides[axis];
            if (++index[axis] < Shape[axis])
                return step;
            step -= Shape[axis] * strides[axis];
            index[axis] = 0;
        }
        return step;
    }
}
