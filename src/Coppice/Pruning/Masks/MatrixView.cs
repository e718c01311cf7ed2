using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>A weight as a matrix: its first axis by all others flattened, so [out, in·kh·kw] for a convolution.</summary>
internal readonly record struct MatrixView(int Rows, int Columns)
{
    public static MatrixView Of(Shape shape, string label)
    {
        if (shape.Rank < 2)
            throw new ArgumentException($"{label} has shape {shape}: a pattern needs a matrix, that is two axes or more; leave it out.");
        var columns = 1;
        foreach (var dim in shape.Dims[1..])
            columns = checked(columns * dim);
        return new(shape[0], columns);
    }

    /// <summary>Checks an axis that products are summed along.</summary>
    public static void RequireReductionAxis(int axis)
    {
        if (axis is not (0 or 1))
            throw new ArgumentOutOfRangeException(nameof(axis), axis, "The reduction axis of a weight as a matrix is 0 or 1.");
    }

    /// <summary>Checks that a pattern tiles the matrix without remainder.</summary>
    public void RequireMultiple(int rows, int columns, Shape shape, string label)
    {
        if (Rows % rows != 0 || Columns % columns != 0)
            throw new ArgumentException($"{label} has shape {shape}, a matrix of {Rows} x {Columns}; "
                + $"tiles of {rows} x {columns} do not fill it: leave it out or choose another pattern.");
    }
}
