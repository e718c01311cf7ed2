using System.Numerics.Tensors;

namespace Coppice.Evaluation;

/// <summary>A row of logits in double precision, in pieces that fit the stack.</summary>
internal static class Logits
{
    private const int Piece = 512;

    /// <summary>-log(softmax(row)[target]) in nats, shifted by the maximum so that nothing overflows.</summary>
    public static double NegativeLogLikelihood(ReadOnlySpan<float> row, int target)
    {
        double max = TensorPrimitives.Max(row), sum = 0;
        Span<double> buffer = stackalloc double[Piece];
        for (var start = 0; start < row.Length; start += Piece)
            sum += SumOfExponentials(Widen(row, start, buffer), max);
        return max - row[target] + Math.Log(sum);
    }

    /// <summary>KL(softmax(before) || softmax(after)) in nats, and the largest |after - before|.</summary>
    public static (double Kl, double MaxDifference) Compare(ReadOnlySpan<float> before, ReadOnlySpan<float> after)
    {
        double maxBefore = TensorPrimitives.Max(before), maxAfter = TensorPrimitives.Max(after);
        double sumBefore = 0, sumAfter = 0, weighted = 0, largest = 0;
        Span<double> bufferBefore = stackalloc double[Piece];
        Span<double> bufferAfter = stackalloc double[Piece];
        Span<double> differences = stackalloc double[Piece];
        for (var start = 0; start < before.Length; start += Piece)
        {
            var b = Widen(before, start, bufferBefore);
            var a = Widen(after, start, bufferAfter);
            var difference = differences[..b.Length];
            TensorPrimitives.Subtract(b, a, difference);
            largest = Math.Max(largest, Math.Abs(TensorPrimitives.MaxMagnitude<double>(difference)));
            sumBefore += SumOfExponentials(b, maxBefore);
            sumAfter += SumOfExponentials(a, maxAfter);
            weighted += TensorPrimitives.Dot<double>(b, difference);
        }
        // E_before[before - after] - logsumexp(before) + logsumexp(after); only rounding can make it negative.
        var kl = weighted / sumBefore - (maxBefore - maxAfter) - Math.Log(sumBefore) + Math.Log(sumAfter);
        return (Math.Max(0, kl), largest);
    }

    /// <summary>Position of the largest logit; the first of equals.</summary>
    public static int ArgMax(ReadOnlySpan<float> row) => row.IndexOf(TensorPrimitives.Max(row));

    /// <summary>Throws unless the row has logits and all are finite.</summary>
    public static void Check(ReadOnlySpan<float> row, string name)
    {
        if (row.IsEmpty)
            throw new ArgumentException("The row of logits is empty.", name);
        if (TensorPrimitives.IsFiniteAll(row))
            return;
        var index = 0;
        while (float.IsFinite(row[index]))
            index++;
        throw new ArgumentException(
            $"The logit at index {index} is {row[index]}; the model overflowed or has non-finite weights: inspect it.", name);
    }

    private static Span<double> Widen(ReadOnlySpan<float> row, int start, Span<double> buffer)
    {
        var piece = row.Slice(start, Math.Min(Piece, row.Length - start));
        TensorPrimitives.ConvertTruncating(piece, buffer);
        return buffer[..piece.Length];
    }

    // Leaves exp(x - max) in the piece.
    private static double SumOfExponentials(Span<double> piece, double max)
    {
        TensorPrimitives.Subtract(piece, max, piece);
        TensorPrimitives.Exp<double>(piece, piece);
        return TensorPrimitives.Sum<double>(piece);
    }
}
