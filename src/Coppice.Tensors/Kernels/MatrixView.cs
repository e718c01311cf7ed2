using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Kernels;

/// <summary>A tensor's last two axes as GEMM wants them: rows some distance apart, perhaps transposed; axes before are batches.</summary>
internal readonly unsafe struct MatrixView
{
    private readonly Tensor _tensor;

    /// <summary>Views <paramref name="tensor"/> in place where one of its last two axes has stride 1, else a row-major copy.</summary>
    public MatrixView(Tensor tensor)
    {
        if (!Fits(tensor))
            tensor = Op.RowMajor(tensor);
        _tensor = tensor;
        var (rowStride, columnStride) = (tensor.Strides[^2], tensor.Strides[^1]);
        var (rows, columns) = (tensor.Shape[^2], tensor.Shape[^1]);
        Transposed = !IsRows(rows, rowStride, columns, columnStride);
        RowDistance = Transposed ? Distance(columns, columnStride, rows) : Distance(rows, rowStride, columns);
    }

    /// <summary>Whether the columns, not the rows, lie in one piece.</summary>
    public bool Transposed { get; }

    /// <summary>Floats from one stored row to the next.</summary>
    public int RowDistance { get; }

    /// <summary>First element of a matrix of a product whose batch axes are <paramref name="batchShape"/>; axes of size 1 repeat.</summary>
    public float* Batch(long index, ReadOnlySpan<int> batchShape)
    {
        var offset = 0L;
        var missing = batchShape.Length - (_tensor.Shape.Rank - 2);
        for (var axis = batchShape.Length - 1; axis >= 0; axis--)
        {
            var (rest, at) = Math.DivRem(index, batchShape[axis]);
            if (axis >= missing && _tensor.Shape[axis - missing] != 1)
                offset += at * _tensor.Strides[axis - missing];
            index = rest;
        }
        return _tensor.StridedPointer<float>() + offset;
    }

    /// <summary>Keeps the memory alive up to here.</summary>
    public void KeepAlive() => GC.KeepAlive(_tensor);

    private static bool Fits(Tensor tensor)
    {
        var (rows, columns) = (tensor.Shape[^2], tensor.Shape[^1]);
        return IsRows(rows, tensor.Strides[^2], columns, tensor.Strides[^1])
            || IsRows(columns, tensor.Strides[^1], rows, tensor.Strides[^2]);
    }

    // Strides of axes of size 1 mean nothing.
    private static bool IsRows(int rows, int rowStride, int columns, int columnStride) =>
        (columns <= 1 || columnStride == 1) && (rows <= 1 || rowStride >= columns);

    private static int Distance(int rows, int rowStride, int columns) => rows <= 1 ? Math.Max(columns, 1) : rowStride;
}
