using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Sizes of images, or of rows where <paramref name="Size"/> is 1, by channel: [Batch, Channels, Size].</summary>
internal readonly record struct ChannelShape(int Batch, int Channels, int Size)
{
    /// <summary>Values of a channel.</summary>
    public long PerChannel => (long)Batch * Size;

    public static ChannelShape Of(Shape x) => new(x[0], x[1], x.Rank == 4 ? checked(x[2] * x[3]) : 1);
}

/// <summary>Statistics of channels and functions with a factor for each, as batch normalisation needs them.</summary>
/// <remarks>Sums of rows are single, added up in double precision, in order: the same bytes on any number of threads.</remarks>
internal static unsafe class ChannelKernels
{
    /// <summary><c>sums[c]</c> = the sum of channel c.</summary>
    public static void Sum(float* x, float* sums, ChannelShape shape) => Workers.For(shape.Channels, channel =>
    {
        var sum = 0.0;
        for (var image = 0; image < shape.Batch; image++)
            sum += TensorPrimitives.Sum(new ReadOnlySpan<float>(x + ((long)image * shape.Channels + channel) * shape.Size, shape.Size));
        sums[channel] = (float)sum;
    });

    /// <summary><c>means[c]</c> and <c>variances[c]</c> of each channel, the variance divided by the count.</summary>
    public static void Moments(float* x, float* means, float* variances, ChannelShape shape) =>
        SimdKernel.Run(shape.Channels, new MomentsKernel(x, means, variances, shape));

    /// <summary><c>sums[c]</c> = the sum of y over channel c, and <c>products[c]</c> that of <c>y (x - means[c])</c>.</summary>
    public static void Products(float* y, float* x, float* means, float* sums, float* products, ChannelShape shape) =>
        SimdKernel.Run(shape.Channels, new ProductsKernel(y, x, means, sums, products, shape));

    /// <summary><c>z = x * scales[c] + shifts[c]</c> for each value of channel c.</summary>
    public static void Scale(float* x, float* scales, float* shifts, float* z, ChannelShape shape) =>
        SimdKernel.Run(Chunks(shape), new Affine(x, scales, null, null, shifts, z, shape));

    /// <summary><c>z = x * scales[c] + y * others[c] + shifts[c]</c> for each value of channel c.</summary>
    public static void Combine(float* x, float* scales, float* y, float* others, float* shifts, float* z, ChannelShape shape) =>
        SimdKernel.Run(Chunks(shape), new Affine(x, scales, y, others, shifts, z, shape));

    private static int Chunks(ChannelShape shape) => RowChunks.Count((long)shape.Batch * shape.Channels, shape.Size);

    /// <summary>A row's own moments are taken while it is in the cache, then added to the channel's (Chan, Golub and LeVeque 1979).</summary>
    private readonly struct MomentsKernel(float* x, float* means, float* variances, ChannelShape shape) : ISimdKernel
    {
        public void Run<S, V>(int channel) where S : ISimd<V> where V : unmanaged
        {
            double mean = 0, squares = 0, count = 0;
            for (var image = 0; image < shape.Batch; image++)
            {
                var row = x + ((long)image * shape.Channels + channel) * shape.Size;
                var (own, ownSquares) = Row<S, V>(row);
                var (distance, before) = (own - mean, count);
                count += shape.Size;
                mean += distance * shape.Size / count;
                squares += ownSquares + distance * distance * before * shape.Size / count;
            }
            means[channel] = (float)mean;
            variances[channel] = (float)(squares / count);
        }

        /// <summary>The mean, and the sum of the squared distances from it.</summary>
        private (double Mean, double Squares) Row<S, V>(float* row) where S : ISimd<V> where V : unmanaged
        {
            var mean = (double)TensorPrimitives.Sum(new ReadOnlySpan<float>(row, shape.Size)) / shape.Size;
            var (sum, squares) = RowProducts<S, V>(row, row, (float)mean, shape.Size, true);
            // The rounded mean is off by sum / size.
            return ((float)mean + (double)sum / shape.Size, squares - (double)sum * sum / shape.Size);
        }
    }

    private readonly struct ProductsKernel(float* y, float* x, float* means, float* sums, float* products, ChannelShape shape)
        : ISimdKernel
    {
        public void Run<S, V>(int channel) where S : ISimd<V> where V : unmanaged
        {
            double sum = 0, product = 0;
            for (var image = 0; image < shape.Batch; image++)
            {
                var at = ((long)image * shape.Channels + channel) * shape.Size;
                var row = RowProducts<S, V>(y + at, x + at, means[channel], shape.Size, false);
                sum += row.Sum;
                product += row.Product;
            }
            (sums[channel], products[channel]) = ((float)sum, (float)product);
        }
    }

    /// <summary>The sums over a row of y, and of y (x - shift); or, <paramref name="isSquare"/>, of y - shift and its square.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Sum, float Product) RowProducts<S, V>(float* y, float* x, float shift, int size, bool isSquare)
        where S : ISimd<V> where V : unmanaged
    {
        V zero = S.Create(0), shifts = S.Create(shift), own = isSquare ? shifts : zero;
        V evenSum = zero, oddSum = zero, even = zero, odd = zero;
        var i = 0;
        for (; i <= size - 2 * S.Count; i += 2 * S.Count)
        {
            V a = S.Subtract(S.Load(y + i), own), b = S.Subtract(S.Load(y + i + S.Count), own);
            evenSum = S.Add(evenSum, a);
            oddSum = S.Add(oddSum, b);
            even = S.MultiplyAdd(a, S.Subtract(S.Load(x + i), shifts), even);
            odd = S.MultiplyAdd(b, S.Subtract(S.Load(x + i + S.Count), shifts), odd);
        }
        float sum = S.Sum(S.Add(evenSum, oddSum)), product = S.Sum(S.Add(even, odd));
        for (; i < size; i++)
        {
            var value = isSquare ? y[i] - shift : y[i];
            sum += value;
            product += value * (x[i] - shift);
        }
        return (sum, product);
    }

    private readonly struct Affine(float* x, float* scales, float* y, float* others, float* shifts, float* z,
        ChannelShape shape) : ISimdKernel
    {
        public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
        {
            var (first, end) = RowChunks.Range((long)shape.Batch * shape.Channels, shape.Size, chunk);
            for (var row = first; row < end; row++)
                Row<S, V>(row * shape.Size, (int)(row % shape.Channels));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Row<S, V>(long at, int channel) where S : ISimd<V> where V : unmanaged
        {
            float scale = scales[channel], shift = shifts[channel], other = y == null ? 0 : others[channel];
            V factor = S.Create(scale), addend = S.Create(shift), second = S.Create(other);
            float* from = x + at, with = y == null ? from : y + at, to = z + at;
            var i = 0;
            for (; i <= shape.Size - S.Count; i += S.Count)
            {
                var sum = y == null ? addend : S.MultiplyAdd(S.Load(with + i), second, addend);
                S.Store(S.MultiplyAdd(S.Load(from + i), factor, sum), to + i);
            }
            for (; i < shape.Size; i++)
                to[i] = from[i] * scale + (y == null ? shift : with[i] * other + shift);
        }
    }
}
