namespace Coppice.Tensors.Kernels;

/// <summary>Applies a function of two numbers to tensors whose shapes broadcast, strided or not.</summary>
internal static unsafe class Broadcast
{
    /// <summary>The shape that two shapes broadcast to; where they do not, the axis (1 is the last) that does not fit.</summary>
    public static bool TryShape(Shape a, Shape b, out Shape shape, out int axis)
    {
        var dims = new int[Math.Max(a.Rank, b.Rank)];
        shape = default;
        for (axis = 1; axis <= dims.Length; axis++)
        {
            var (left, right) = (axis <= a.Rank ? a[^axis] : 1, axis <= b.Rank ? b[^axis] : 1);
            if (left != right && left != 1 && right != 1)
                return false;
            dims[^axis] = left == 1 ? right : left;
        }
        shape = Shape.Create(dims);
        return true;
    }

    /// <summary><c>y = f(a, b)</c>; y is contiguous and of the shape that a and b broadcast to.</summary>
    public static void Run<TOp>(Tensor a, Tensor b, Tensor y) where TOp : struct, IBinary
    {
        if (y.Count == 0)
            return;
        if (y.DType != DType.F32)
        {
            TypedBroadcast.Run<TOp>(a, b, y);
            return;
        }
        var axes = Collapse(a, b, y.Shape);
        var inner = axes[^1];
        var walk = new Walk<TOp>(a.StridedPointer<float>(), b.StridedPointer<float>(), y.Pointer<float>(), axes[..^1], inner);
        if (inner.Size >= Elementwise.Chunk)
            Workers.For(checked((int)(walk.Rows * walk.Pieces)), walk.Piece);
        else
            Workers.For(RowChunks.Count(walk.Rows, inner.Size), walk.WholeRows);
    }

    // Drops axes of size 1 and joins neighbours that are one run of memory in both inputs.
    private static List<Axis> Collapse(Tensor a, Tensor b, Shape shape)
    {
        var axes = new List<Axis>();
        for (var axis = 0; axis < shape.Rank; axis++)
        {
            var next = new Axis(shape[axis], Stride(a, axis - shape.Rank), Stride(b, axis - shape.Rank));
            if (next.Size == 1)
                continue;
            if (axes.Count > 0 && axes[^1].A == (long)next.A * next.Size && axes[^1].B == (long)next.B * next.Size)
                axes[^1] = next with { Size = axes[^1].Size * next.Size };
            else
                axes.Add(next);
        }
        if (axes.Count == 0)
            axes.Add(new(1, 0, 0));
        return axes;
    }

    private static int Stride(Tensor tensor, int fromEnd)
    {
        var axis = tensor.Shape.Rank + fromEnd;
        return axis < 0 || tensor.Shape[axis] == 1 ? 0 : tensor.Strides[axis];
    }

    private readonly record struct Axis(int Size, int A, int B);

    private sealed class Walk<TOp>(float* a, float* b, float* y, List<Axis> outer, Axis inner) where TOp : struct, IBinary
    {
        public long Rows { get; } = outer.Aggregate(1L, (rows, axis) => rows * axis.Size);

        public int Pieces { get; } = Elementwise.Chunks(inner.Size);

        public void Piece(int chunk)
        {
            var (row, piece) = Math.DivRem(chunk, Pieces);
            var start = piece * Elementwise.Chunk;
            Row(row, start, Math.Min(Elementwise.Chunk, inner.Size - start));
        }

        public void WholeRows(int chunk)
        {
            var (first, end) = RowChunks.Range(Rows, inner.Size, chunk);
            for (var row = first; row < end; row++)
                Row(row, 0, inner.Size);
        }

        private void Row(long row, int start, int count)
        {
            float* left = a + (long)start * inner.A, right = b + (long)start * inner.B;
            var target = new Span<float>(y + row * inner.Size + start, count);
            for (var i = outer.Count - 1; i >= 0; i--)
            {
                (row, var at) = Math.DivRem(row, outer[i].Size);
                left += at * outer[i].A;
                right += at * outer[i].B;
            }
            switch (inner.A, inner.B)
            {
                case (1, 1): TOp.Invoke(new ReadOnlySpan<float>(left, count), new ReadOnlySpan<float>(right, count), target); break;
                case (1, 0): TOp.Invoke(new ReadOnlySpan<float>(left, count), *right, target); break;
                case (0, 1): TOp.Invoke(*left, new ReadOnlySpan<float>(right, count), target); break;
                default:
                    for (var i = 0; i < count; i++)
                        target[i] = TOp.Invoke(left[(long)i * inner.A], right[(long)i * inner.B]);
                    break;
            }
        }
    }
}
