using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>
/// Matrix product: [..., M, K] x [K, N] or [..., K, N] -> [..., M, N], axes before the last two broadcast as in numpy.
/// With <paramref name="TransposeB"/> the second input is [..., N, K].
/// </summary>
/// <remarks>Float32; both inputs may be strided views, which are read in place where one of their last two axes has stride 1.</remarks>
public sealed record MatMul(bool TransposeB = false) : Op
{
    /// <summary>Products of fewer multiplications than this are spread over threads by batch, larger ones each for itself.</summary>
    private const long SmallProduct = 1 << 22;

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs is not [{ DType: DType.F32, Shape: { Rank: >= 2 } a }, { DType: DType.F32, Shape: { Rank: >= 2 } b }])
            throw Mismatch("expected two F32 tensors of at least two axes; Cast or Reshape them first.", inputs);
        var (k, n) = TransposeB ? (b[^1], b[^2]) : (b[^2], b[^1]);
        if (a[^1] != k)
            throw Mismatch($"the first has rows of {a[^1]}, the second sums over {k}; the two must be equal.", inputs);
        var batch = new int[Math.Max(a.Rank, b.Rank) - 2];
        for (var axis = 1; axis <= batch.Length; axis++)
        {
            var (left, right) = (axis <= a.Rank - 2 ? a[^(axis + 2)] : 1, axis <= b.Rank - 2 ? b[^(axis + 2)] : 1);
            if (left != right && left != 1 && right != 1)
                throw Mismatch($"batch sizes {left} and {right} do not fit; they must be equal or 1.", inputs);
            batch[^axis] = left == 1 ? right : left;
        }
        return [new(DType.F32, [.. batch, a[^2], n])];
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var output = outputs[0];
        if (output.Count == 0)
            return;
        var product = new Product(new(inputs[0]), new(inputs[1]), TransposeB, inputs[0].Shape[^1], output);
        var batches = checked((int)(output.Count / ((long)output.Shape[^2] * output.Shape[^1])));
        if (inputs[1].Shape.Rank == 2 && inputs[0].IsContiguous)
            product.MultiplyFlat();
        else if (product.Multiplications < SmallProduct)
            Workers.For(batches, product, static (batch, product) => product.Multiply(batch));
        else
            for (var batch = 0; batch < batches; batch++)
                product.Multiply(batch);
        product.KeepAlive();
    }

/// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (a, b, gradient) = (inputs[0], inputs[1], outputGradients[0]!);
        if (b.Shape.Rank == 2 && a.Shape.Rank > 2)
        {
            // One matrix for all batches: their rows are one tall matrix, whose product sums over them at once.
            (a, gradient) = (a.Reshape(-1, a.Shape[^1]), gradient.Reshape(-1, gradient.Shape[^1]));
        }
        var da = Tape.Needs(inputs[0]) ? gradient.MatMul(TransposeB ? b : b.Transpose(-2, -1)) : null;
        var db = !Tape.Needs(inputs[1]) ? null
            : TransposeB ? gradient.Transpose(-2, -1).MatMul(a) : a.Transpose(-2, -1).MatMul(gradient);
        if (da is not null && b.Shape.Rank == 2)
            da = da.Reshape([.. inputs[0].Shape.Dims]);
        return [da is null ? null : GradientMath.SumTo(da, inputs[0]), db is null ? null : GradientMath.SumTo(db, inputs[1])];
    }

    private readonly unsafe struct Product(MatrixView a, MatrixView b, bool transposeB, int k, Tensor output)
    {
        private readonly int _m = output.Shape[^2], _n = output.Shape[^1];
        private readonly float* _c = output.Pointer<float>();

        public long Multiplications => (long)_m * _n * k;

        public void Multiply(int batch)
        {
            var axes = output.Shape.Dims[..^2];
            Gemm.Multiply(_m, _n, k, a.Batch(batch, axes), a.RowDistance, a.Transposed,
                b.Batch(batch, axes), b.RowDistance, b.Transposed != transposeB, _c + (long)batch * _m * _n, _n, false, null);
        }

        /// <summary>One matrix for all batches of a contiguous first input: their rows are one tall matrix.</summary>
        public void MultiplyFlat() => Gemm.Multiply(checked((int)(output.Count / _n)), _n, k, a.Batch(0, []), k, false,
            b.Batch(0, []), b.RowDistance, b.Transposed != transposeB, _c, _n, false, null);

        public void KeepAlive()
        {
            a.KeepAlive();
            b.KeepAlive();
        }
    }
}
