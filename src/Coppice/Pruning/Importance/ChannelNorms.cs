using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Coppice.Checkpoints;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;

namespace Coppice.Pruning.Importance;

/// <summary>L_n norms of a weight's channels, read in one pass and summed in double precision in the order of the elements.</summary>
internal static class ChannelNorms
{
    /// <summary>The norm of each slice along <paramref name="axis"/> over all other axes.</summary>
    public static double[] Compute(TensorSource source, int axis, double norm)
    {
        var sums = new double[source.Shape[axis]];
        switch (norm)
        {
            case double.PositiveInfinity:
                Accumulate<Largest>(source, axis, sums, default);
                return sums;
            case double.NegativeInfinity:
                Array.Fill(sums, double.PositiveInfinity);
                Accumulate<Smallest>(source, axis, sums, default);
                return sums;
            case 0:
                Accumulate<NonZeros>(source, axis, sums, default);
                return sums;
            case 1:
                Accumulate<Sum>(source, axis, sums, default);
                return sums;
            case 2:
                Accumulate<Squares>(source, axis, sums, default);
                break;
            default:
                Accumulate(source, axis, sums, new Powers(norm));
                break;
        }
        for (var i = 0; i < sums.Length; i++)
            sums[i] = Math.Pow(sums[i], 1 / norm);
        return sums;
    }

    /// <summary>One step of a reduction over magnitudes.</summary>
    private interface IReduction
    {
        double Add(double total, double magnitude);
    }

    private static void Accumulate<T>(TensorSource source, int axis, double[] sums, T reduction) where T : struct, IReduction
    {
        var inner = source.Shape.CountBehind(axis);
        var values = ArrayPool<double>.Shared.Rent(TensorChunks.Length);
        using var lease = TensorChunks.Rent();
        foreach (var chunk in TensorChunks.Split([source.Count]))
        {
            var magnitudes = values.AsSpan(0, chunk.Count);
            Magnitudes(source.Elements(chunk.First, chunk.Count, lease.Buffer), source.DType, magnitudes);
            AccumulateChunk(magnitudes, chunk.First, inner, sums, reduction);
        }
        ArrayPool<double>.Shared.Return(values);
    }

    private static void AccumulateChunk<T>(ReadOnlySpan<double> magnitudes, long index, long inner, double[] sums, T reduction)
        where T : struct, IReduction
    {
        while (magnitudes.Length > 0)
        {
            var channel = (int)(index / inner % sums.Length);
            // Along the innermost axis neighbours belong to neighbouring channels, elsewhere to one.
            var run = (int)Math.Min(inner == 1 ? sums.Length - channel : inner - index % inner, magnitudes.Length);
            if (inner == 1)
                for (var i = 0; i < run; i++)
                    sums[channel + i] = reduction.Add(sums[channel + i], magnitudes[i]);
            else
                sums[channel] = Reduce(magnitudes[..run], sums[channel], reduction);
            magnitudes = magnitudes[run..];
            index += run;
        }
    }

    private static double Reduce<T>(ReadOnlySpan<double> magnitudes, double total, T reduction) where T : struct, IReduction
    {
        foreach (var magnitude in magnitudes)
            total = reduction.Add(total, magnitude);
        return total;
    }

    /// <summary>Converts elements to magnitudes in double precision, exactly.</summary>
    public static void Magnitudes(ReadOnlySpan<byte> elements, DType dtype, Span<double> magnitudes)
    {
        switch (dtype)
        {
            case DType.F32:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, float>(elements), magnitudes);
                break;
            case DType.F64:
                MemoryMarshal.Cast<byte, double>(elements).CopyTo(magnitudes);
                break;
            case DType.F16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, Half>(elements), magnitudes);
                break;
            default:
                var halves = MemoryMarshal.Cast<byte, ushort>(elements);
                for (var i = 0; i < halves.Length; i++)
                    magnitudes[i] = BitConverter.Int32BitsToSingle(halves[i] << 16);
                break;
        }
        TensorPrimitives.Abs(magnitudes, magnitudes);
    }

    private readonly struct Sum : IReduction
    {
        public double Add(double total, double magnitude) => total + magnitude;
    }

    private readonly struct Squares : IReduction
    {
        public double Add(double total, double magnitude) => total + magnitude * magnitude;
    }

    private readonly struct Powers(double power) : IReduction
    {
        public double Add(double total, double magnitude) => total + Math.Pow(magnitude, power);
    }

    private readonly struct Largest : IReduction
    {
        public double Add(double total, double magnitude) => Math.Max(total, magnitude);
    }

    private readonly struct Smallest : IReduction
    {
        public double Add(double total, double magnitude) => Math.Min(total, magnitude);
    }

    private readonly struct NonZeros : IReduction
    {
        public double Add(double total, double magnitude) => total + (magnitude != 0 ? 1 : 0);
    }
}
