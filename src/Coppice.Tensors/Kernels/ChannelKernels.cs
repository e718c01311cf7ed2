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
    public static void Moments(float* x, float* means, float* variances, ChannelShape shape)
    {
        Sum(x, means, shape);
        for (var channel = 0; channel < shape.Channels; channel++)
            means[channel] = (float)(means[channel] / (double)shape.PerChannel);
        SimdKernel.Run(shape.Channels, new Products(x, x, means, true, variances, shape));
        for (var channel = 0; channel < shape.Channels; channel++)
            variances[channel] = (float)(variances[channel] / (double)shape.PerChannel);
    }

    /// <summary><c>sums[c]</c> = the sum over channel c of <c>y (x - means[c])</c>.</summary>
    public static void Covariances(float* y, float* x, float* means, float* sums, ChannelShape shape) =>
        SimdKernel.Run(shape.Channels, new Products(y, x, means, false, sums, shape));

    /// <summary><c>z = x * scales[c] + shifts[c]</c> for each value of channel c.</summary>
    public static void Scale(float* x, float* scales, float* shifts, float* z, ChannelShape shape) =>
        SimdKernel.Run(Chunks(shape), new Affine(x, scales, null, null, shifts, z, shape));

    /// <summary><c>z = x * scales[c] + y * others[c] + shifts[c]</c> for each value of channel c.</summary>
    public static void Combine(float* x, float* scales, float* y, float* others, float* shifts, float* z, ChannelShape shape) =>
        SimdKernel.Run(Chunks(shape), new Affine(x, scales, y, others, shifts, z, shape));

    private static int Chunks(ChannelShape shape) => RowChunks.Count((long)shape.Batch * shape.Channels, shape.Size);

    /// <summary>The sum over a channel of y (x - mean), or of (x - mean)^2.</summary>
    private readonly struct Products(float* y, float* x, float* means, bool squares, float* sums, ChannelShape shape) : ISimdKernel
    {
        public void Run<S, V>(int channel) where S : ISimd<V> where V : unmanaged
        {
            var sum = 0.0;
            for (var image = 0; image < shape.Batch; image++)
                sum += Row<S, V>(((long)image * shape.Channels + channel) * shape.Size, means[channel]);
            sums[channel] = (float)sum;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private float Row<S, V>(long at, float mean) where S : ISimd<V> where V : unmanaged
        {
            float* left = y + at, right = x + at;
            V shift = S.Create(mean), even = S.Create(0), odd = even;
            var i = 0;
            for (; i <= shape.Size - 2 * S.Count; i += 2 * S.Count)
            {
                V a = S.Subtract(S.Load(right + i), shift), b = S.Subtract(S.Load(right + i + S.Count), shift);
                even = S.MultiplyAdd(squares ? a : S.Load(left + i), a, even);
                odd = S.MultiplyAdd(squares ? b : S.Load(left + i + S.Count), b, odd);
            }
            var sum = S.Sum(S.Add(even, odd));
            for (; i < shape.Size; i++)
                sum += (squares ? right[i] - mean : left[i]) * (right[i] - mean);
            return sum;
        }
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
