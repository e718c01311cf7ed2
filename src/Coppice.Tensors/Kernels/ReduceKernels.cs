using System.Numerics;
using System.Numerics.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Kernels;

/// <summary>One number for each row of numbers of any type.</summary>
internal static unsafe class ReduceKernels
{
    /// <summary>F32 kinds with kernels of their own; x is row-major, in rows of <paramref name="size"/>.</summary>
    public static void Singles(Reduction kind, Tensor x, Tensor y, int size)
    {
        if (kind == Reduction.Sum)
        {
            RowReductions.Sum(x.Pointer<float>(), y.Pointer<float>(), y.Count, size);
            return;
        }
        float* from = x.Pointer<float>(), to = y.Pointer<float>();
        Workers.For(RowChunks.Count(y.Count, size), chunk =>
        {
            var (first, end) = RowChunks.Range(y.Count, size, chunk);
            for (var row = first; row < end; row++)
                to[row] = LogSumExp(new(from + row * size, size));
        });
    }

    /// <summary>All other kinds and types.</summary>
    public static void Numbers(Reduction kind, Tensor x, Tensor y, int size) => NumberTypes.Run(x.DType, new Rows(kind, x, y, size));

    /// <summary>For each element the product of all others along the axes: no division, so that zeros have their gradient too.</summary>
    public static Tensor OthersProduct(Tensor x, IntList axes)
    {
        var y = Tensor.Full(x.Shape, 1);
        var strides = x.Shape.ContiguousStrides();
        float* from = x.Pointer<float>(), to = y.Pointer<float>();
        var size = axes.Aggregate(1, (length, axis) => length * x.Shape[axis]);
        var within = new long[size];
        for (var i = 0; i < size; i++)
            within[i] = Offset(i, axes, x.Shape, strides);
        int[] rest = [.. Enumerable.Range(0, x.Shape.Rank).Where(axis => !axes.Contains(axis))];
        var rows = size == 0 ? 0 : x.Count / size;
        for (var row = 0L; row < rows; row++)
        {
            var start = Offset(row, rest, x.Shape, strides);
            var product = 1f;
            for (var i = 0; i < size; product *= from[start + within[i++]])
                to[start + within[i]] *= product;
            product = 1f;
            for (var i = size - 1; i >= 0; product *= from[start + within[i--]])
                to[start + within[i]] *= product;
        }
        GC.KeepAlive(x);
        return y;
    }

    private static long Offset(long index, IEnumerable<int> axes, Shape shape, int[] strides)
    {
        var offset = 0L;
        foreach (var axis in axes.Reverse())
        {
            (index, var at) = Math.DivRem(index, shape[axis]);
            offset += at * strides[axis];
        }
        return offset;
    }

    private static float LogSumExp(ReadOnlySpan<float> row)
    {
        if (row.IsEmpty)
            return float.NegativeInfinity;
        var largest = TensorPrimitives.Max(row);
        if (!float.IsFinite(largest))
            return largest;
        var sum = 0.0;
        foreach (var value in row)
            sum += MathF.Exp(value - largest);
        return (float)(largest + Math.Log(sum));
    }

    private readonly struct Rows(Reduction kind, Tensor x, Tensor y, int size) : INumberAction
    {
        public void Run<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T>
        {
            T* from = x.Pointer<T>(), to = y.Pointer<T>();
            var (what, length, count) = (kind, size, y.Count);
            Workers.For(RowChunks.Count(count, length), chunk =>
            {
                var (first, end) = RowChunks.Range(count, length, chunk);
                for (var row = first; row < end; row++)
                    to[row] = Value<T>(what, new(from + row * length, length));
            });
        }

        private static T Value<T>(Reduction kind, ReadOnlySpan<T> row) where T : unmanaged, INumber<T> => kind switch
        {
            Reduction.Sum => TensorPrimitives.Sum(row),
            Reduction.Mean => IntegerDivision.Divide(TensorPrimitives.Sum(row), T.CreateTruncating(row.Length)),
            Reduction.Max => TensorPrimitives.Max(row),
            Reduction.Min => TensorPrimitives.Min(row),
            _ => row.IsEmpty ? T.One : TensorPrimitives.Product(row),
        };
    }
}
