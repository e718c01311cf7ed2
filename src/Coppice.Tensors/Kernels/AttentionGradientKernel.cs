using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Where attention's gradients lie: row-major [B, T, heads, D], so that splitting heads off a projection costs no copy.</summary>
/// <param name="Output">Of the output, [B, Tq, H * D], to read.</param>
/// <param name="Q">Of the queries, [B, Tq, H, D].</param>
/// <param name="K">Of the keys, [B, Tk, Hkv, D].</param>
/// <param name="V">Of the values, [B, Tk, Hkv, D].</param>
internal readonly record struct AttentionGradients(nint Output, nint Q, nint K, nint V);

/// <summary>The gradients of attention; probabilities are computed again for 32 queries at a time and never stored whole.</summary>
/// <remarks>
/// Dao et al., FlashAttention (2022), appendix B. With p the probabilities and go the output's gradient: <c>dv = p^T go</c>,
/// <c>dp = go v^T</c>, <c>ds = scale p (dp - sum over keys of p dp)</c>, <c>dq = ds k</c>, <c>dk = ds^T q</c>. One unit of work is one key
/// head of one sequence with all queries it serves, so that no two threads add to the same place. Scores are held transposed,
/// [keys, queries], as in <see cref="AttentionKernel"/>.
/// </remarks>
internal readonly unsafe struct AttentionGradientKernel : ISimdKernel
{
    /// <summary>Queries in a block.</summary>
    private const int Rows = 32;

    private readonly AttentionProblem _problem;
    private readonly AttentionGradients _gradients;
    private readonly int _width;
    private readonly int _units;
    private readonly int _unitsPerChunk;

    private AttentionGradientKernel(AttentionProblem problem, AttentionGradients gradients)
    {
        (_problem, _gradients, _width) = (problem, gradients, PaddedRows.Width(problem.D));
        _units = checked(problem.B * problem.Hkv);
        var operations = 10.0 * problem.H / problem.Hkv * problem.Tq * Math.Max(1, problem.Tk) * problem.D;
        _unitsPerChunk = (int)Math.Clamp(4e6 / operations, 1, Math.Max(1, _units));
    }

    /// <summary>Whether gradients of a head are computed where they lie, not in scratch first.</summary>
    private bool InPlace => _width == _problem.D;

    /// <summary>Computes all gradients.</summary>
    public static void Run(AttentionProblem problem, AttentionGradients gradients)
    {
        if (problem.Tq == 0)
        {
            var bytes = (nuint)problem.B * (nuint)problem.Tk * (nuint)(problem.Hkv * problem.D) * sizeof(float);
            NativeMemory.Clear((void*)gradients.K, bytes);
            NativeMemory.Clear((void*)gradients.V, bytes);
            return;
        }
        var kernel = new AttentionGradientKernel(problem, gradients);
        SimdKernel.Run((kernel._units + kernel._unitsPerChunk - 1) / kernel._unitsPerChunk, kernel, kernel._width / 2);
    }

    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        using var buffer = new NativeBuffer(Scratch.Floats(_problem, _width));
        var scratch = new Scratch(buffer.Pointer, _problem, _width);
        for (var unit = chunk * _unitsPerChunk; unit < Math.Min(_units, (chunk + 1) * _unitsPerChunk); unit++)
        {
            var (b, keyHead) = Math.DivRem(unit, _problem.Hkv);
            KeyHead<S, V>(b, keyHead, scratch);
        }
    }

    private void KeyHead<S, V>(int b, int keyHead, in Scratch scratch) where S : ISimd<V> where V : unmanaged
    {
        var keys = PaddedRows.Of(_problem.K.At(b, keyHead, 0), _problem.K.Row, _problem.Tk, _problem.D, scratch.Keys);
        RowPointer dk = KeyRows(_gradients.K, b, keyHead), dv = KeyRows(_gradients.V, b, keyHead);
        var targets = InPlace ? (dk, dv) : (new(scratch.KeyGradient, _width), new(scratch.ValueGradient, _width));
        var served = _problem.H / _problem.Hkv;
        var last = (_problem.Tq - 1) / Rows * Rows;
        for (var h = keyHead * served; h < (keyHead + 1) * served; h++)
            for (var first = last; first >= 0; first -= Rows) // the last queries see all keys: they write, the others add
                Block<S, V>(b, h, first, keys, targets, h > keyHead * served || first < last, scratch);
        if (InPlace)
            return;
        Unpad(targets.Item1, _problem.Tk, dk);
        Unpad(targets.Item2, _problem.Tk, dv);
    }

    private void Block<S, V>(
        int b, int h, int first, RowPointer keyRows, (RowPointer K, RowPointer V) targets, bool accumulate, in Scratch scratch)
        where S : ISimd<V> where V : unmanaged
    {
        var rows = Math.Min(Rows, _problem.Tq - first);
        var keys = _problem.VisibleKeys(first + rows - 1);
        float* probabilities = scratch.Probabilities, slopes = scratch.ScoreGradient;
        RowPointer q = new(_problem.Q.At(b, h, first), _problem.Q.Row), go = QueryRows(_gradients.Output, b, h, first);
        RowPointer dq = QueryRows(_gradients.Q, b, h, first), target = InPlace ? dq : new(scratch.QueryGradient, _width);

        Scores<S, V>(_problem.K, b, h, keys, q, rows, scratch.Columns, probabilities);
        Mask<S, V>(b, h, first, rows, keys, probabilities);
        Softmax<S, V>(keys, probabilities);
        Scores<S, V>(_problem.V, b, h, keys, go, rows, scratch.Columns, slopes);
        Slopes<S, V>(keys, probabilities, slopes);

        var padded = PaddedRows.Of(go.Rows, go.Stride, rows, _problem.D, scratch.QueryRows);
        SmallGemm.Multiply<S, V>(
            keys, _width, rows, probabilities, Rows, 1, padded.Rows, padded.Stride, targets.V.Rows, targets.V.Stride, accumulate);
        padded = PaddedRows.Of(q.Rows, q.Stride, rows, _problem.D, scratch.QueryRows);
        SmallGemm.Multiply<S, V>(
            keys, _width, rows, slopes, Rows, 1, padded.Rows, padded.Stride, targets.K.Rows, targets.K.Stride, accumulate);
        SmallGemm.Multiply<S, V>(rows, _width, keys, slopes, 1, Rows, keyRows.Rows, keyRows.Stride, target.Rows, target.Stride, false);
        if (!InPlace)
            Unpad(target, rows, dq);
    }

    // scores[key, row] = sum over d of heads[key, d] queries[row, d]; 0 in the rows that are not there.
    private void Scores<S, V>(Heads heads, int b, int h, int keys, RowPointer queries, int rows, float* columns, float* scores)
        where S : ISimd<V> where V : unmanaged
    {
        if (rows < Rows)
            new Span<float>(columns, Rows * _problem.D).Clear();
        Panels.Transpose(queries.Rows, queries.Stride, rows, _problem.D, columns, Rows);
        SmallGemm.Multiply<S, V>(
            keys, Rows, _problem.D, heads.At(b, _problem.KeyHead(h), 0), heads.Row, 1, columns, Rows, scores, Rows, false);
    }

    // Scales the scores, adds the mask and hides the keys after each query.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Mask<S, V>(int b, int h, int first, int rows, int keys, float* scores) where S : ISimd<V> where V : unmanaged
    {
        var shared = _problem.Mask.Address != 0 && _problem.Mask.Row == 0; // one mask for all queries
        var mask = _problem.Mask.Address == 0 ? null : _problem.Mask.At(b, h, first);
        var scale = S.Create(_problem.Scale);
        for (var key = 0; key < keys; key++)
        {
            var hidden = S.Create(shared ? mask[(long)key * _problem.MaskKey] : 0);
            for (var lane = 0; lane < Rows; lane += S.Count)
                S.Store(S.MultiplyAdd(S.Load(scores + key * Rows + lane), scale, hidden), scores + key * Rows + lane);
        }
        for (var row = 0; row < rows; row++)
        {
            for (var key = 0; mask != null && !shared && key < keys; key++)
                scores[key * Rows + row] += mask[(long)row * _problem.Mask.Row + (long)key * _problem.MaskKey];
            for (var key = _problem.VisibleKeys(first + row); key < keys; key++)
                scores[key * Rows + row] = float.NegativeInfinity;
        }
    }

    // The maximum starts at float's lowest, so that -inf never meets -inf.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Softmax<S, V>(int keys, float* scores) where S : ISimd<V> where V : unmanaged
    {
        for (var lane = 0; lane < Rows; lane += S.Count)
        {
            var column = scores + lane;
            V max = S.Create(float.MinValue), sum = S.Create(0f);
            for (var key = 0; key < keys; key++)
                max = S.Max(max, S.Load(column + key * Rows));
            for (var key = 0; key < keys; key++)
            {
                var p = VectorMath.Exp<S, V>(S.Subtract(S.Load(column + key * Rows), max));
                S.Store(p, column + key * Rows);
                sum = S.Add(sum, p);
            }
            var factor = S.Divide(S.Create(1f), sum);
            for (var key = 0; key < keys; key++)
                S.Store(S.Multiply(S.Load(column + key * Rows), factor), column + key * Rows);
        }
    }

    // gradient = scale p (gradient - sum over keys of p gradient), the queries in the lanes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Slopes<S, V>(int keys, float* probabilities, float* gradient) where S : ISimd<V> where V : unmanaged
    {
        var scale = S.Create(_problem.Scale);
        for (var lane = 0; lane < Rows; lane += S.Count)
        {
            float* p = probabilities + lane, g = gradient + lane;
            V even = S.Create(0f), odd = even;
            var key = 0;
            for (; key <= keys - 2; key += 2)
            {
                even = S.MultiplyAdd(S.Load(p + key * Rows), S.Load(g + key * Rows), even);
                odd = S.MultiplyAdd(S.Load(p + (key + 1) * Rows), S.Load(g + (key + 1) * Rows), odd);
            }
            if (key < keys)
                even = S.MultiplyAdd(S.Load(p + key * Rows), S.Load(g + key * Rows), even);
            var sum = S.Add(even, odd);
            for (key = 0; key < keys; key++)
            {
                var slope = S.Multiply(S.Load(p + key * Rows), S.Subtract(S.Load(g + key * Rows), sum));
                S.Store(S.Multiply(slope, scale), g + key * Rows);
            }
        }
    }

    private void Unpad(RowPointer source, int count, RowPointer target)
    {
        for (var row = 0; row < count; row++)
            new ReadOnlySpan<float>(source.Rows + (long)row * source.Stride, _problem.D).CopyTo(
                new Span<float>(target.Rows + (long)row * target.Stride, _problem.D));
    }

    private RowPointer QueryRows(nint address, int b, int h, int row) =>
        new((float*)address + (((long)b * _problem.Tq + row) * _problem.H + h) * _problem.D, _problem.H * _problem.D);

    private RowPointer KeyRows(nint address, int b, int keyHead) =>
        new((float*)address + ((long)b * _problem.Tk * _problem.Hkv + keyHead) * _problem.D, _problem.Hkv * _problem.D);

    /// <summary>A chunk's working memory, cut from one piece; matrices of padded rows only where rows need padding.</summary>
    private readonly struct Scratch
    {
        public readonly float* Probabilities, ScoreGradient, Columns, QueryRows, QueryGradient, Keys, KeyGradient, ValueGradient;

        public Scratch(float* memory, in AttentionProblem problem, int width)
        {
            Probabilities = memory;
            ScoreGradient = Probabilities + (long)problem.Tk * Rows;
            Columns = ScoreGradient + (long)problem.Tk * Rows;
            QueryRows = Columns + (long)problem.D * Rows;
            QueryGradient = QueryRows + (long)width * Rows;
            Keys = QueryGradient + (long)width * Rows;
            KeyGradient = Keys + (long)problem.Tk * width;
            ValueGradient = KeyGradient + (long)problem.Tk * width;
        }

        public static long Floats(in AttentionProblem problem, int width) =>
            (2L * problem.Tk + problem.D) * Rows + (width == problem.D ? 0 : (2L * Rows + 3L * problem.Tk) * width);
    }
}
