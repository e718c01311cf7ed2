using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Attention of a single query, as in decoding: keys and values are read once, at the speed of memory.</summary>
internal static unsafe class AttentionRow
{
    /// <summary>Keys in a block.</summary>
    private const int Keys = 128;

    /// <summary>How many keys ahead of use the next are fetched: 4 KB of common heads, where the processor's own prefetching stops.</summary>
    private const int KeysAhead = 16;

    /// <summary>Computes one row; <paramref name="scratch"/> has room for 128 floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<S, V>(in AttentionProblem problem, int b, int h, int row, float* scratch)
        where S : ISimd<V> where V : unmanaged
    {
        float* q = problem.Q.At(b, h, row), output = problem.OutputRow(b, h, row);
        float* k = problem.K.At(b, problem.KeyHead(h), 0), v = problem.V.At(b, problem.KeyHead(h), 0);
        var visible = problem.VisibleKeys(row);
        var (max, sum) = (float.MinValue, 0f);
        new Span<float>(output, problem.D).Clear();
        for (var key = 0; key < visible; key += Keys)
        {
            var keys = Math.Min(Keys, visible - key);
            var values = v + (long)key * problem.V.Row;
            Scores<S, V>(problem, q, k + (long)key * problem.K.Row, values, keys, scratch);
            if (problem.Mask.Address != 0)
            {
                var mask = problem.Mask.At(b, h, row) + key * problem.MaskKey;
                for (var i = 0; i < keys; i++)
                    scratch[i] += mask[i * problem.MaskKey];
            }
            var factor = Softmax<S, V>(keys, scratch, ref max, ref sum);
            Combine<S, V>(problem.D, keys, scratch, values, problem.V.Row, output, factor);
        }
        for (var d = 0; d < problem.D; d++)
            output[d] /= sum;
    }

    // scores[i] = scale * q . k[i], four keys at a time. The values that Combine reads next are fetched meanwhile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scores<S, V>(in AttentionProblem problem, float* q, float* k, float* v, int keys, float* scores)
        where S : ISimd<V> where V : unmanaged
    {
        var (size, stride) = (problem.D, (long)problem.K.Row);
        var i = 0;
        for (; i <= keys - 4; i += 4)
        {
            Fetch(k + (i + KeysAhead) * stride, stride, size);
            Fetch(v + (long)i * problem.V.Row, problem.V.Row, size);
            float* k0 = k + i * stride, k1 = k0 + stride, k2 = k1 + stride, k3 = k2 + stride;
            V sum0 = S.Create(0f), sum1 = sum0, sum2 = sum0, sum3 = sum0;
            var d = 0;
            for (; d <= size - S.Count; d += S.Count)
            {
                var x = S.Load(q + d);
                sum0 = S.MultiplyAdd(x, S.Load(k0 + d), sum0);
                sum1 = S.MultiplyAdd(x, S.Load(k1 + d), sum1);
                sum2 = S.MultiplyAdd(x, S.Load(k2 + d), sum2);
                sum3 = S.MultiplyAdd(x, S.Load(k3 + d), sum3);
            }
            scores[i] = (S.Sum(sum0) + Dot(q, k0, d, size)) * problem.Scale;
            scores[i + 1] = (S.Sum(sum1) + Dot(q, k1, d, size)) * problem.Scale;
            scores[i + 2] = (S.Sum(sum2) + Dot(q, k2, d, size)) * problem.Scale;
            scores[i + 3] = (S.Sum(sum3) + Dot(q, k3, d, size)) * problem.Scale;
        }
        for (; i < keys; i++)
        {
            var sum = S.Create(0f);
            var d = 0;
            for (; d <= size - S.Count; d += S.Count)
                sum = S.MultiplyAdd(S.Load(q + d), S.Load(k + i * stride + d), sum);
            scores[i] = (S.Sum(sum) + Dot(q, k + i * stride, d, size)) * problem.Scale;
        }
    }

    // Four rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(float* rows, long stride, int size)
    {
        for (var row = 0; row < 4; row++)
            for (var d = 0; d < size; d += 16)
                Prefetch.Line(rows + row * stride + d);
    }

    // The products that fill no register.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Dot(float* a, float* b, int from, int to)
    {
        var sum = 0f;
        for (var d = from; d < to; d++)
            sum += a[d] * b[d];
        return sum;
    }

    // scores[i] = e^(score - max) with the running maximum; returns what older sums are to be multiplied by.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Softmax<S, V>(int keys, float* scores, ref float max, ref float sum) where S : ISimd<V> where V : unmanaged
    {
        var old = max;
        for (var i = 0; i < keys; i++)
            max = Math.Max(max, scores[i]);
        new Span<float>(scores + keys, Keys - keys).Fill(float.NegativeInfinity); // e^-inf = 0 adds nothing
        var (total, top) = (S.Create(0f), S.Create(max));
        for (var i = 0; i < keys; i += S.Count)
        {
            var p = VectorMath.Exp<S, V>(S.Subtract(S.Load(scores + i), top));
            S.Store(p, scores + i);
            total = S.Add(total, p);
        }
        var factor = MathF.Exp(old - max);
        sum = sum * factor + S.Sum(total);
        return factor;
    }

    // output = factor * output + sum over i of scores[i] * v[i], four registers of the head at a time.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Combine<S, V>(int size, int keys, float* scores, float* v, long stride, float* output, float factor)
        where S : ISimd<V> where V : unmanaged
    {
        var (n, d, scale) = (S.Count, 0, S.Create(factor));
        for (; d <= size - 4 * n; d += 4 * n)
        {
            V sum0 = S.Multiply(scale, S.Load(output + d)), sum1 = S.Multiply(scale, S.Load(output + d + n));
            V sum2 = S.Multiply(scale, S.Load(output + d + 2 * n)), sum3 = S.Multiply(scale, S.Load(output + d + 3 * n));
            for (var i = 0; i < keys; i++)
            {
                var p = S.Create(scores[i]);
                var at = v + i * stride + d;
                sum0 = S.MultiplyAdd(p, S.Load(at), sum0);
                sum1 = S.MultiplyAdd(p, S.Load(at + n), sum1);
                sum2 = S.MultiplyAdd(p, S.Load(at + 2 * n), sum2);
                sum3 = S.MultiplyAdd(p, S.Load(at + 3 * n), sum3);
            }
            S.Store(sum0, output + d);
            S.Store(sum1, output + d + n);
            S.Store(sum2, output + d + 2 * n);
            S.Store(sum3, output + d + 3 * n);
        }
        for (; d <= size - n; d += n)
        {
            var sum = S.Multiply(scale, S.Load(output + d));
            for (var i = 0; i < keys; i++)
                sum = S.MultiplyAdd(S.Create(scores[i]), S.Load(v + i * stride + d), sum);
            S.Store(sum, output + d);
        }
        for (; d < size; d++)
        {
            var sum = factor * output[d];
            for (var i = 0; i < keys; i++)
                sum += scores[i] * v[i * stride + d];
            output[d] = sum;
        }
    }
}
