namespace Coppice.Onnx.Operators;

/// <summary>Every operator that can be run, by its ONNX name.</summary>
internal static class OperatorTable
{
    private static readonly Dictionary<string, OnnxOperator> Table = new(new[]
    {
        Arithmetic.Operators, Activations.Operators, Shaping.Operators, Indexing.Operators, Reductions.Operators, Matrices.Operators,
        Convolution.Operators, Pooling.Operators, Normalization.Operators, Resizing.Operators, Recurrent.Operators, Control.Operators,
        Quantization.Operators, Losses.Operators, Sampling.Operators, Signals.Operators, Sequences.Operators,
        Distinct.Operators, RandomNumbers.Operators,
    }.SelectMany(operators => operators));

    /// <summary>The operator a node names, or null.</summary>
    public static OnnxOperator? Find(NodeProto node) =>
        node.Domain is null or "" or "ai.onnx" && node.OpType is not null ? Table.GetValueOrDefault(node.OpType) : null;
}
