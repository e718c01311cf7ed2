using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Turns the pairs (i, i + size/2) of each row by its position's angles; see <see cref="Ops.RotaryEmbedding"/>.</summary>
/// <param name="x">Rows [batch, heads, steps], of <paramref name="size"/> each.</param>
/// <param name="angles">What <see cref="Angles"/> made.</param>
/// <param name="ownPositions">Whether each sequence has positions of its own; else all share those of <paramref name="steps"/>.</param>
/// <param name="y">The result, row-major.</param>
/// <param name="rows">All rows of the batch.</param>
/// <param name="heads">Heads of a sequence.</param>
/// <param name="steps">Positions of a head.</param>
/// <param name="size">Size of a head, even.</param>
internal readonly unsafe struct RotaryKernel(Heads x, float* angles, bool ownPositions, float* y, long rows, int heads, int steps, int size)
    : ISimdKernel
{
    /// <summary>For each position the cosines and then the sines of its angles, <c>2 * half</c> floats; <paramref name="backwards"/> turns
    /// the other way.</summary>
    public static void Angles(long* positions, long count, float* frequencies, int half, bool backwards, float* angles) =>
        Workers.For(RowChunks.Count(count, 2 * half), chunk =>
        {
            var (first, end) = RowChunks.Range(count, 2 * half, chunk);
            for (var at = first; at < end; at++)
                for (var i = 0; i < half; i++)
                {
                    var (sine, cosine) = MathF.SinCos(positions[at] * frequencies[i]);
                    angles[at * 2 * half + i] = cosine;
                    angles[at * 2 * half + half + i] = backwards ? -sine : sine;
                }
        });

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
        {
            var (sequence, step) = (row / steps / heads, row % steps);
            var angle = angles + (ownPositions ? sequence * steps + step : step) * size;
            Turn<S, V>(x.At((int)sequence, (int)(row / steps % heads), (int)step), angle, y + row * size);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Turn<S, V>(float* source, float* angle, float* target) where S : ISimd<V> where V : unmanaged
    {
        var half = size / 2;
        var i = 0;
        for (; i <= half - S.Count; i += S.Count)
        {
            V a = S.Load(source + i), b = S.Load(source + half + i), cosine = S.Load(angle + i), sine = S.Load(angle + half + i);
            S.Store(S.Subtract(S.Multiply(a, cosine), S.Multiply(b, sine)), target + i);
            S.Store(S.Add(S.Multiply(b, cosine), S.Multiply(a, sine)), target + half + i);
        }
        for (; i < half; i++)
        {
            float a = source[i], b = source[half + i];
            target[i] = a * angle[i] - b * angle[half + i];
            target[half + i] = b * angle[i] + a * angle[half + i];
        }
    }
}
