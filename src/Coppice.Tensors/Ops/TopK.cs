using System.Numerics;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>The K largest or smallest of each row, in order, and where they were: [..., N] -> [..., K] and I64 [..., K].</summary>
/// <remarks>Numbers of any type. Of equal values that of the lower index comes first; NaN counts as the largest.</remarks>
/// <param name="K">How many, 0 to N.</param>
/// <param name="Largest">Whether the largest are asked for.</param>
public sealed record TopK(int K, bool Largest = true) : Op, ISizedOp
{
    IReadOnlyList<int> ISizedOp.Sizes => [K];

    Op ISizedOp.WithSizes(ReadOnlySpan<int> sizes) => this with { K = sizes[0] };

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 1 || !NumberTypes.Has(inputs[0].DType) || inputs[0].Shape.Rank == 0)
            throw Mismatch("one tensor of numbers with a last axis is expected.", inputs);
        if (K < 0 || K > inputs[0].Shape[^1])
            throw Mismatch($"there are no {K} of {inputs[0].Shape[^1]}.", inputs);
        var shape = inputs[0].Shape.With(^1, K);
        return [inputs[0] with { Shape = shape }, new(DType.I64, shape)];
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var x = RowMajor(inputs[0]);
        NumberTypes.Run(x.DType, new Rows(x, outputs[0], outputs[1], Largest));
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) => outputGradients[0] is { } gradient
        ? [ApplySingle(new ScatterElements(inputs[0].Shape.Rank - 1, ScatterKind.Add), Tensor.Zeros(inputs[0].Shape), outputs[1], gradient)]
        : [null];

    private readonly unsafe struct Rows(Tensor x, Tensor values, Tensor indices, bool largest) : INumberAction
    {
        public void Run<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T>
        {
            T* from = x.Pointer<T>(), to = values.Pointer<T>();
            var places = indices.Pointer<long>();
            var (size, k, descending) = (x.Shape[^1], values.Shape[^1], largest);
            var rows = size == 0 ? 0 : x.Count / size;
            Workers.For(RowChunks.Count(rows, size), chunk =>
            {
                var order = new int[size];
                var (first, end) = RowChunks.Range(rows, size, chunk);
                for (var row = first; row < end; row++)
                {
                    var line = from + row * size;
                    for (var i = 0; i < size; i++)
                        order[i] = i;
                    order.AsSpan().Sort((a, b) => (descending ? Order(line[b], line[a]) : Order(line[a], line[b])) is var sign and not 0
                        ? sign : a.CompareTo(b));
                    for (var i = 0; i < k; i++)
                        (to[row * k + i], places[row * k + i]) = (line[order[i]], order[i]);
                }
            });
        }

        private static int Order<T>(T a, T b) where T : INumber<T> =>
            T.IsNaN(a) || T.IsNaN(b) ? T.IsNaN(a).CompareTo(T.IsNaN(b)) : a.CompareTo(b);
    }
}
