using System.Numerics;

namespace Coppice.Tensors.Kernels;

/// <summary>A function of two numbers of one type that gives an R.</summary>
internal interface IBinaryOf<T, R>
{
    static abstract R Invoke(T a, T b);
}

/// <summary>A truth about two numbers.</summary>
internal interface IComparison
{
    static abstract bool Invoke<T>(T a, T b) where T : INumber<T>;
}

/// <summary>Applies functions of two numbers of any type to tensors whose shapes broadcast, strided or not.</summary>
internal static unsafe class TypedBroadcast
{
    /// <summary><c>y = f(a, b)</c>; y is contiguous, of the type of a and b and of the shape they broadcast to.</summary>
    public static void Run<TOp>(Tensor a, Tensor b, Tensor y) where TOp : struct, IBinary => NumberTypes.Run(a.DType, new Numbers<TOp>(a, b, y));

    /// <summary>The same for a truth value: y holds bytes, 0 or 1.</summary>
    public static void Compare<TOp>(Tensor a, Tensor b, Tensor y) where TOp : struct, IComparison =>
        NumberTypes.Run(a.DType, new Truths<TOp>(a, b, y));

    /// <summary>Strides of a tensor seen under the shape that it is broadcast to.</summary>
    public static int[] Strides(Tensor tensor, Shape shape)
    {
        var strides = new int[shape.Rank];
        for (var axis = 1; axis <= tensor.Shape.Rank; axis++)
            strides[^axis] = tensor.Shape[^axis] == 1 ? 0 : tensor.Strides[^axis];
        return strides;
    }

    /// <summary>Distance from the first element to the first of a row, rows being the last axis.</summary>
    public static long RowOffset(long row, ReadOnlySpan<int> dims, ReadOnlySpan<int> strides)
    {
        var offset = 0L;
        for (var axis = dims.Length - 2; axis >= 0; axis--)
        {
            (row, var at) = Math.DivRem(row, dims[axis]);
            offset += at * strides[axis];
        }
        return offset;
    }

    private static void Rows<T, R, F>(Tensor a, Tensor b, Tensor y)
        where T : unmanaged where R : unmanaged where F : struct, IBinaryOf<T, R>
    {
        if (y.Count == 0)
            return;
        Shape shape = y.Shape.Rank == 0 ? [1] : y.Shape;
        var size = shape[^1];
        int[] left = Strides(a, shape), right = Strides(b, shape);
        T* from = a.StridedPointer<T>(), with = b.StridedPointer<T>();
        R* to = y.Pointer<R>();
        var rows = y.Count / size;
        Workers.For(RowChunks.Count(rows, size), chunk =>
        {
            var (first, end) = RowChunks.Range(rows, size, chunk);
            for (var row = first; row < end; row++)
            {
                T* x = from + RowOffset(row, shape.Dims, left), z = with + RowOffset(row, shape.Dims, right);
                for (var i = 0L; i < size; i++)
                    to[row * size + i] = F.Invoke(x[i * left[^1]], z[i * right[^1]]);
            }
        });
    }

    private readonly struct Numbers<TOp>(Tensor a, Tensor b, Tensor y) : INumberAction where TOp : struct, IBinary
    {
        public void Run<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> => Rows<T, T, Of<T>>(a, b, y);

        private readonly struct Of<T> : IBinaryOf<T, T> where T : INumber<T>
        {
            public static T Invoke(T a, T b) => TOp.Number(a, b);
        }
    }

    private readonly struct Truths<TOp>(Tensor a, Tensor b, Tensor y) : INumberAction where TOp : struct, IComparison
    {
        public void Run<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> => Rows<T, bool, Of<T>>(a, b, y);

        private readonly struct Of<T> : IBinaryOf<T, bool> where T : INumber<T>
        {
            public static bool Invoke(T a, T b) => TOp.Invoke(a, b);
        }
    }
}
