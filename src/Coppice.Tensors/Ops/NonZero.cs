using System.Numerics;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>
/// Where a tensor of numbers or Bool is not zero: [...] -> I64 [rank, count], a column for each element, in row-major order.
/// </summary>
public sealed record NonZero : Op
{
    /// <inheritdoc/>
    public override string? NoGradient => "an index only jumps, it never changes smoothly";

    /// <summary>Refuses: the count depends on the values.</summary>
    /// <exception cref="OpException">Always.</exception>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        throw Mismatch("the size of the result depends on the values; it is known only when the op runs.", inputs);

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) => Find(inputs[0]).CopyTo(outputs[0].AsSpan<long>());

    /// <inheritdoc/>
    protected override Tensor[] Run(ReadOnlySpan<Tensor> inputs)
    {
        if (inputs.Length != 1 || !(NumberTypes.Has(inputs[0].DType) || inputs[0].DType == DType.Bool))
            throw Mismatch("one tensor of numbers or Bool is expected.", SpecsOf(inputs));
        var indices = Find(inputs[0]);
        var rank = inputs[0].Shape.Rank;
        return [Tensor.From<long>(indices, [rank, rank == 0 ? 0 : indices.Length / rank])];
    }

    private static long[] Find(Tensor input)
    {
        var x = RowMajor(input);
        var found = new List<long>();
        NumberTypes.Run(x.DType, new Search(x, found));
        var rank = x.Shape.Rank;
        var indices = new long[found.Count * rank];
        for (var i = 0; i < found.Count; i++)
        {
            var rest = found[i];
            for (var axis = rank - 1; axis >= 0; axis--)
                (rest, indices[axis * found.Count + i]) = Math.DivRem(rest, x.Shape[axis]);
        }
        return indices;
    }

    private readonly unsafe struct Search(Tensor x, List<long> found) : INumberAction
    {
        public void Run<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T>
        {
            var values = x.Pointer<T>();
            for (var i = 0L; i < x.Count; i++)
                if (!T.IsZero(values[i]))
                    found.Add(i);
        }
    }
}
