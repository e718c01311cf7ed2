using System.Numerics.Tensors;

namespace Coppice.Evaluation;

/// <summary>A row of logits in double precision, in pieces that fit the stack.</summary>
internal static class Logits
{
    private const int Piece = 512;

    /// <summary>log(sum(exp(x))), shifted by the maximum so that nothing overflows.</summary>
    public static double LogSumExp(ReadOnlySpan<float> row)
    {
        double max = TensorPrimitives.Max(row), sum = 0;
        Span<double> buffer = stackalloc double[Piece];
        for (var start = 0; start < row.Length; start += Piece)
            sum += TensorPrimitives.Sum<double>(Exponentials(row, start, max, buffer));
        return max + Math.Log(sum);
    }

    /// <summary>KL(softmax(before) || softmax(after)) in nats, and the largest |after - before|.</summary>
    public static (double Kl, double MaxDifference) Compare(ReadOnlySpan<float> before, ReadOnlySpan<float> after)
    {
        // KL = E_before[before - after] - logsumexp(before) + logsumexp(after).
        double max = TensorPrimitives.Max(before), sum = 0, weighted = 0, largest = 0;
        Span<double> buffer = stackalloc double[Piece];
        Span<double> differences = stackalloc double[Piece];
        for (var start = 0; start < before.Length; start += Piece)
        {
            var exponentials = Exponentials(before, start, max, buffer);
            var difference = differences[..exponentials.Length];
            for (var i = 0; i < difference.Length; i++)
                difference[i] = (double)before[start + i] - after[start + i];
            sum += TensorPrimitives.Sum<double>(exponentials);
            weighted += TensorPrimitives.Dot<double>(exponentials, difference);
            largest = Math.Max(largest, Math.Abs(TensorPrimitives.MaxMagnitude<double>(difference)));
        }
        // Rounding alone can make it negative.
        var kl = Math.Max(0, weighted / sum - (max + Math.Log(sum)) + LogSumExp(after));
        return (kl, largest);
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

    private static Span<double> Exponentials(ReadOnlySpan<float> row, int start, double max, Span<double> buffer)
    {
        var piece = row.Slice(start, Math.Min(Piece, row.Length - start));
        buffer = buffer[..piece.Length];
        TensorPrimitives.ConvertTruncating(piece, buffer);
        TensorPrimitives.Subtract(buffer, max, buffer);
        TensorPrimitives.Exp<double>(buffer, buffer);
        return buffer;
    }
}
