using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Attention in blocks of queries and keys with a running softmax: only one block of scores exists at a time.</summary>
/// <remarks>
/// Dao et al., FlashAttention (2022). Scores are held transposed, [keys, queries]: keys and values are then read where they lie,
/// only the queries are repacked, and the softmax runs down the registers without adding across lanes.
/// </remarks>
internal readonly unsafe struct AttentionKernel : ISimdKernel
{
    /// <summary>Queries in a block.</summary>
    private const int Rows = 32;

    /// <summary>Keys in a block: with the queries, 16 KB of scores.</summary>
    private const int Keys = 128;

    /// <summary>Up to so many queries, as in decoding, are done one at a time: lanes would be idle.</summary>
    private const int FewRows = 4;

    private readonly AttentionProblem _problem;
    private readonly int _blocks;
    private readonly int _units;
    private readonly int _unitsPerChunk;
    private readonly int _width;

    private AttentionKernel(AttentionProblem problem)
    {
        _problem = problem;
        _blocks = (problem.Tq + Rows - 1) / Rows;
        _units = checked(problem.B * problem.H * _blocks);
        // Few queries are bound by reading keys and values: as dear as many more.
        var rows = problem.Tq <= FewRows ? Rows : Math.Min(Rows, problem.Tq);
        var operations = 4.0 * rows * Math.Max(1, problem.Tk) * problem.D;
        _unitsPerChunk = (int)Math.Clamp(4e6 / operations, 1, _units);
        _width = PaddedRows.Width(problem.D);
    }

    /// <summary>Computes the whole output.</summary>
    public static void Run(AttentionProblem problem)
    {
        var floats = (long)problem.B * problem.H * problem.Tq * problem.D;
        if (floats == 0)
            return;
        if (problem.Tk == 0)
        {
            NativeMemory.Clear((void*)problem.Output, (nuint)(floats * sizeof(float)));
            return;
        }
        var kernel = new AttentionKernel(problem);
        SimdKernel.Run((kernel._units + kernel._unitsPerChunk - 1) / kernel._unitsPerChunk, kernel, kernel._width / 2);
    }

    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        var floats = Rows * (_problem.D + _width + Keys + 3) + Keys * _width;
        var scratch = (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), 64);
        try
        {
            for (var unit = chunk * _unitsPerChunk; unit < Math.Min(_units, (chunk + 1) * _unitsPerChunk); unit++)
            {
                var (head, block) = Math.DivRem(unit, _blocks);
                var (b, h) = Math.DivRem(head, _problem.H);
                Block<S, V>(b, h, block * Rows, scratch);
            }
        }
        finally
        {
            NativeMemory.AlignedFree(scratch);
        }
    }

    private void Block<S, V>(int b, int h, int first, float* scratch) where S : ISimd<V> where V : unmanaged
    {
        var rows = Math.Min(Rows, _problem.Tq - first);
        if (rows > FewRows)
            Queries<S, V>(b, h, first, rows, scratch);
        else
            for (var row = first; row < first + rows; row++)
                AttentionRow.Run<S, V>(_problem, b, h, row, scratch);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Queries<S, V>(int b, int h, int first, int rows, float* scratch) where S : ISimd<V> where V : unmanaged
    {
        var state = scratch; // running maximum, sum, and the factor that brings older sums to the new maximum
        var queries = state + 3 * Rows;
        var scores = queries + Rows * _problem.D;
        var output = scores + Rows * Keys;
        var values = output + Rows * _width;
        Pack(b, h, first, rows, queries);
        new Span<float>(state, Rows).Fill(float.MinValue);
        new Span<float>(state + Rows, Rows).Clear();

        float* k = _problem.K.At(b, _problem.KeyHead(h), 0), v = _problem.V.At(b, _problem.KeyHead(h), 0);
        var visible = _problem.VisibleKeys(first + rows - 1);
        for (var key = 0; key < visible; key += Keys)
        {
            var keys = Math.Min(Keys, visible - key);
            SmallGemm.Multiply<S, V>(
                keys, Rows, _problem.D, k + (long)key * _problem.K.Row, _problem.K.Row, 1, queries, Rows, scores, Rows, false);
            Mask<S, V>(b, h, first, rows, key, keys, scores);
            Softmax<S, V>(keys, scores, state);
            if (key > 0)
                Rescale<S, V>(rows, output, state + 2 * Rows);
            var block = PaddedRows.Of(v + (long)key * _problem.V.Row, _problem.V.Row, keys, _problem.D, values);
            SmallGemm.Multiply<S, V>(rows, _width, keys, scores, 1, Rows, block.Rows, block.Stride, output, _width, key > 0);
        }
        for (var row = 0; row < rows; row++)
        {
            float* source = output + row * _width, target = _problem.OutputRow(b, h, first + row);
            var factor = 1f / state[Rows + row];
            for (var d = 0; d < _problem.D; d++)
                target[d] = source[d] * factor;
        }
    }

    // queries[d, row] = scale * q[row, d], zero in the rows that are not there.
    private void Pack(int b, int h, int first, int rows, float* queries)
    {
        if (rows < Rows)
            new Span<float>(queries, Rows * _problem.D).Clear();
        for (var row = 0; row < rows; row++)
        {
            var q = _problem.Q.At(b, h, first + row);
            for (var d = 0; d < _problem.D; d++)
                queries[d * Rows + row] = q[d] * _problem.Scale;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Mask<S, V>(int b, int h, int first, int rows, int key, int keys, float* scores) where S : ISimd<V> where V : unmanaged
    {
        if (_problem.Mask.Address != 0)
        {
            var step = _problem.MaskKey;
            for (var i = 0; i < keys; i++)
            {
                var mask = _problem.Mask.At(b, h, first) + (key + i) * step;
                if (_problem.Mask.Row == 0)
                    for (var lane = 0; lane < Rows; lane += S.Count)
                        S.Store(S.Add(S.Load(scores + i * Rows + lane), S.Create(*mask)), scores + i * Rows + lane);
                else
                    for (var row = 0; row < rows; row++)
                        scores[i * Rows + row] += mask[(long)row * _problem.Mask.Row];
            }
        }
        for (var row = 0; row < rows; row++)
            for (var i = Math.Max(0, _problem.VisibleKeys(first + row) - key); i < keys; i++)
                scores[i * Rows + row] = float.NegativeInfinity;
    }

    // scores[key, row] = e^(score - maximum); the maximum starts at float's lowest, so that -inf never meets -inf.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Softmax<S, V>(int keys, float* scores, float* state) where S : ISimd<V> where V : unmanaged
    {
        for (var lane = 0; lane < Rows; lane += S.Count)
        {
            float* column = scores + lane, at = state + lane;
            V old = S.Load(at), max = old, sum = S.Create(0f);
            for (var i = 0; i < keys; i++)
                max = S.Max(max, S.Load(column + i * Rows));
            for (var i = 0; i < keys; i++)
            {
                var p = VectorMath.Exp<S, V>(S.Subtract(S.Load(column + i * Rows), max));
                S.Store(p, column + i * Rows);
                sum = S.Add(sum, p);
            }
            var factor = VectorMath.Exp<S, V>(S.Subtract(old, max));
            S.Store(max, at);
            S.Store(S.MultiplyAdd(S.Load(at + Rows), factor, sum), at + Rows);
            S.Store(factor, at + 2 * Rows);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Rescale<S, V>(int rows, float* output, float* factors) where S : ISimd<V> where V : unmanaged
    {
        for (var row = 0; row < rows; row++)
            for (var d = 0; d < _width; d += S.Count)
                S.Store(S.Multiply(S.Load(output + row * _width + d), S.Create(factors[row])), output + row * _width + d);
    }
}
