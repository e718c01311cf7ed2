using Coppice.Pruning.Selection;
using Coppice.Tensors;

namespace Coppice.Pruning.Methods;

/// <summary>A weight as the matrix that multiplies: which stored axis is the output and which the input (the reduction axis).</summary>
/// <param name="Rows">Stored rows: the first axis.</param>
/// <param name="Columns">Stored columns: all other axes, flattened, so that a convolution's are in * kh * kw.</param>
/// <param name="InputMajor">Whether the rows are the inputs (Hugging Face's Conv1D) instead of the outputs.</param>
internal readonly record struct MatrixView(int Rows, int Columns, bool InputMajor)
{
    public int Outputs => InputMajor ? Columns : Rows;

    public int Inputs => InputMajor ? Rows : Columns;

    /// <exception cref="PruningException">The weight is a vector, or larger than a pattern can address.</exception>
    public static MatrixView Of(SelectedWeight weight, PruningMethod method)
    {
        Shape shape = weight.Source.Shape;
        if (shape.Rank < 2 || shape.Count == 0)
            throw new PruningException($"'{weight.Name}' {shape} is no matrix, as the pattern '{method.Options}' needs; exclude it.");
        var columns = shape.Count / shape[0];
        return columns <= int.MaxValue
            ? new MatrixView(shape[0], (int)columns, weight.InputMajor)
            : throw new PruningException($"'{weight.Name}' {shape} has rows of more than 2^31 elements; exclude it.");
    }
}
