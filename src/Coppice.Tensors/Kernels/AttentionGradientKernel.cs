using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Where attention's gradients lie: row-major [B, T, heads, D], so that splitting heads off a projection costs no copy.</summary>
/// <param name="Output">Of the output, [B, Tq, H * D], to read.</param>
/// <param name="Q">Of the queries, [B, Tq, H, D].</param>
/// <param name="K">Of the keys, [B, Tk, Hkv, D].</param>
/// <param name="V">Of the values, [B, Tk, Hkv, D].</param>
internal readonly record struct AttentionGradients(nint Output, nint Q, nint K, nint V);

/// <summary>The gradients of attention; probabilities are computed again for 32 queries at a time and never stored whole.</summary>
/// <remarks>
/// Dao et al., FlashAttention (2022), appendix B. With p the probabilities and go the output's gradient:
/// <c>dv = p^T go</c>, <c>ds = p (go v^T - sum(go o))</c>, <c>dq = scale ds k</c>, <c>dk = scale ds^T q</c>. One unit of work is one key
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

    private AttentionGradientKernel(AttentionProblem problem, AttentionGradients gradients) =>
        (_problem, _gradients, _width) = (problem, gradients, (problem.D + 7) & ~7);

    /// <summary>Computes all gradients. <paramref name="problem"/>'s output is the forward pass's.</summary>
    public static void Run(AttentionProblem problem, AttentionGradients gradients)
    {
        var kernel = new AttentionGradientKernel(problem, gradients);
        SimdKernel.Run(checked(problem.B * problem.Hkv), kernel, kernel._width / 2);
    }

    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        var (b, keyHead) = Math.DivRem(chunk, _problem.Hkv);
        var keyFloats = (nuint)_problem.Tk * (nuint)(4 * _width + 2 * Rows);
        var blockFloats = (nuint)(Rows * (2 * _problem.D + 3 * _width + 1));
        using var buffer = new NativeBuffer(checked((long)(keyFloats + blockFloats)));
        var scratch = new Scratch(buffer.Pointer, _problem.Tk, _problem.D, _width);
        Pad(_problem.K.At(b, keyHead, 0), _problem.K.Row, scratch.Keys);
        Pad(_problem.V.At(b, keyHead, 0), _problem.V.Row, scratch.Values);
        new Span<float>(scratch.KeyGradient, _problem.Tk * _width).Clear();
        new Span<float>(scratch.ValueGradient, _problem.Tk * _width).Clear();
        var served = _problem.H / _problem.Hkv;
        for (var h = keyHead * served; h < (keyHead + 1) * served; h++)
            for (var first = 0; first < _problem.Tq; first += Rows)
                Block<S, V>(b, h, first, scratch);
        Unpad(scratch.KeyGradient, (float*)_gradients.K, b, keyHead);
        Unpad(scratch.ValueGradient, (float*)_gradients.V, b, keyHead);
    }

    private void Block<S, V>(int b, int h, int first, in Scratch scratch) where S : ISimd<V> where V : unmanaged
    {
        var rows = Math.Min(Rows, _problem.Tq - first);
        var keys = _problem.VisibleKeys(first + rows - 1);
        Pack(b, h, first, rows, scratch);
        SmallGemm.Multiply<S, V>(
            keys, Rows, _problem.D, scratch.Keys, _width, 1, scratch.QueryColumns, Rows, scratch.Probabilities, Rows, false);
        Mask(b, h, first, rows, keys, scratch.Probabilities);
        Softmax<S, V>(keys, scratch.Probabilities);
        SmallGemm.Multiply<S, V>(
            keys, _width, Rows, scratch.Probabilities, Rows, 1, scratch.OutputRows, _width, scratch.ValueGradient, _width, true);
        SmallGemm.Multiply<S, V>(
            keys, Rows, _problem.D, scratch.Values, _width, 1, scratch.OutputColumns, Rows, scratch.ScoreGradient, Rows, false);
        Scores<S, V>(keys, scratch.Probabilities, scratch.Dots, scratch.ScoreGradient);
        SmallGemm.Multiply<S, V>(
            keys, _width, Rows, scratch.ScoreGradient, Rows, 1, scratch.QueryRows, _width, scratch.KeyGradient, _width, true);
        SmallGemm.Multiply<S, V>(
            Rows, _width, keys, scratch.ScoreGradient, 1, Rows, scratch.Keys, _width, scratch.QueryGradient, _width, false);
        for (var row = 0; row < rows; row++)
        {
            var target = (float*)_gradients.Q + (((long)b * _problem.Tq + first + row) * _problem.H + h) * _problem.D;
            for (var d = 0; d < _problem.D; d++)
                target[d] = scratch.QueryGradient[row * _width + d] * _problem.Scale;
        }
    }

    // Scaled queries and the output's gradient, as rows and as columns, zero where there are none; dots[row] = sum(go o).
    private void Pack(int b, int h, int first, int rows, in Scratch scratch)
    {
        new Span<float>(scratch.QueryColumns, scratch.BlockFloats).Clear();
        for (var row = 0; row < rows; row++)
        {
            float* q = _problem.Q.At(b, h, first + row), o = _problem.OutputRow(b, h, first + row);
            var go = (float*)_gradients.Output + (o - (float*)_problem.Output);
            var dot = 0f;
            for (var d = 0; d < _problem.D; d++)
            {
                scratch.QueryRows[row * _width + d] = scratch.QueryColumns[d * Rows + row] = q[d] * _problem.Scale;
                scratch.OutputRows[row * _width + d] = scratch.OutputColumns[d * Rows + row] = go[d];
                dot += go[d] * o[d];
            }
            scratch.Dots[row] = dot;
        }
    }

    private void Mask(int b, int h, int first, int rows, int keys, float* scores)
    {
        for (var row = 0; row < rows; row++)
        {
            if (_problem.Mask.Address != 0)
            {
                var mask = _problem.Mask.At(b, h, first + row);
                for (var key = 0; key < keys; key++)
                    scores[key * Rows + row] += mask[(long)key * _problem.MaskKey];
            }
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

    // gradient = p (gradient - dots), the queries in the lanes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scores<S, V>(int keys, float* probabilities, float* dots, float* gradient) where S : ISimd<V> where V : unmanaged
    {
        for (var i = 0; i < keys * Rows; i += S.Count)
        {
            var difference = S.Subtract(S.Load(gradient + i), S.Load(dots + i % Rows));
            S.Store(S.Multiply(S.Load(probabilities + i), difference), gradient + i);
        }
    }

    private void Pad(float* source, int stride, float* target)
    {
        for (var key = 0; key < _problem.Tk; key++)
        {
            var row = new Span<float>(target + (long)key * _width, _width);
            new ReadOnlySpan<float>(source + (long)key * stride, _problem.D).CopyTo(row);
            row[_problem.D..].Clear();
        }
    }

    private void Unpad(float* source, float* target, int b, int keyHead)
    {
        for (var key = 0; key < _problem.Tk; key++)
            new ReadOnlySpan<float>(source + (long)key * _width, _problem.D).CopyTo(
                new Span<float>(target + (((long)b * _problem.Tk + key) * _problem.Hkv + keyHead) * _problem.D, _problem.D));
    }

    /// <summary>One unit's working memory, cut from one piece.</summary>
    private readonly struct Scratch
    {
        public readonly float* Keys, Values, KeyGradient, ValueGradient, Probabilities, ScoreGradient;
        public readonly float* QueryColumns, OutputColumns, QueryRows, OutputRows, Dots, QueryGradient;

        /// <summary>Floats from <see cref="QueryColumns"/> to the end of <see cref="Dots"/>: what <c>Pack</c> fills.</summary>
        public readonly int BlockFloats;

        public Scratch(float* memory, int keys, int size, int width)
        {
            var matrix = (long)keys * width;
            Keys = memory;
            Values = Keys + matrix;
            KeyGradient = Values + matrix;
            ValueGradient = KeyGradient + matrix;
            Probabilities = ValueGradient + matrix;
            ScoreGradient = Probabilities + (long)keys * Rows;
            QueryColumns = ScoreGradient + (long)keys * Rows;
            OutputColumns = QueryColumns + Rows * size;
            QueryRows = OutputColumns + Rows * size;
            OutputRows = QueryRows + Rows * width;
            Dots = OutputRows + Rows * width;
            QueryGradient = Dots + Rows;
            BlockFloats = (int)(QueryGradient - QueryColumns);
        }
    }
}
