namespace Coppice.Tensors.Kernels.Reference;

/// <summary>Attention as defined, per head and query: values weighted by <c>softmax over keys of (scale * q . k + mask)</c>.</summary>
internal static unsafe class AttentionReference
{
    /// <summary>Computes the whole output.</summary>
    public static void Run(in AttentionProblem problem)
    {
        for (var b = 0; b < problem.B; b++)
            for (var h = 0; h < problem.H; h++)
                for (var row = 0; row < problem.Tq; row++)
                    Row(problem, b, h, row);
    }

    /// <summary>
    /// Gradients of <c>sum of go * output</c>, [B, T, heads, D] each: with p the weights and <c>dp = go . v</c>, each query adds
    /// <c>p go</c> to v's and, with <c>ds = scale p (dp - sum over keys of p dp)</c>, <c>ds k</c> to q's and <c>ds q</c> to k's.
    /// </summary>
    /// <param name="problem">What was computed.</param>
    /// <param name="go">The output's gradient, [B, Tq, H * D].</param>
    public static (double[] Q, double[] K, double[] V) Gradients(in AttentionProblem problem, ReadOnlySpan<float> go)
    {
        var queries = new double[problem.B * problem.Tq * problem.H * problem.D];
        var size = problem.B * problem.Tk * problem.Hkv * problem.D;
        var (keys, values) = (new double[size], new double[size]);
        for (var b = 0; b < problem.B; b++)
            for (var h = 0; h < problem.H; h++)
                for (var row = 0; row < problem.Tq; row++)
                {
                    var at = ((b * problem.Tq + row) * problem.H + h) * problem.D;
                    RowGradients(problem, b, h, row, go.Slice(at, problem.D), queries.AsSpan(at, problem.D), keys, values);
                }
        return (queries, keys, values);
    }

    private static void RowGradients(
        in AttentionProblem problem, int b, int h, int row, ReadOnlySpan<float> go, Span<double> dq, double[] dk, double[] dv)
    {
        var weights = RowReference.Softmax(Scores(problem, b, h, row));
        var slopes = new double[weights.Length];
        var mean = 0.0;
        for (var key = 0; key < weights.Length; key++)
        {
            for (var d = 0; d < problem.D; d++)
                slopes[key] += (double)go[d] * problem.V.At(b, problem.KeyHead(h), key)[d];
            mean += weights[key] * slopes[key];
        }
        for (var key = 0; key < weights.Length; key++)
        {
            var slope = problem.Scale * weights[key] * (slopes[key] - mean);
            var at = ((b * problem.Tk + key) * problem.Hkv + problem.KeyHead(h)) * problem.D;
            for (var d = 0; d < problem.D; d++)
            {
                dv[at + d] += weights[key] * go[d];
                dq[d] += slope * problem.K.At(b, problem.KeyHead(h), key)[d];
                dk[at + d] += slope * problem.Q.At(b, h, row)[d];
            }
        }
    }

    private static void Row(in AttentionProblem problem, int b, int h, int row)
    {
        var weights = RowReference.Softmax(Scores(problem, b, h, row));
        for (var d = 0; d < problem.D; d++)
        {
            var sum = 0.0;
            for (var key = 0; key < weights.Length; key++)
                sum += weights[key] * problem.V.At(b, problem.KeyHead(h), key)[d];
            problem.OutputRow(b, h, row)[d] = (float)sum;
        }
    }

    private static float[] Scores(in AttentionProblem problem, int b, int h, int row)
    {
        var scores = new float[problem.VisibleKeys(row)];
        for (var key = 0; key < scores.Length; key++)
        {
            float* q = problem.Q.At(b, h, row), k = problem.K.At(b, problem.KeyHead(h), key);
            var product = 0.0;
            for (var d = 0; d < problem.D; d++)
                product += (double)q[d] * k[d];
            var mask = problem.Mask.Address == 0 ? 0 : problem.Mask.At(b, h, row)[key * problem.MaskKey];
            scores[key] = (float)(product * problem.Scale + mask);
        }
        return scores;
    }
}
