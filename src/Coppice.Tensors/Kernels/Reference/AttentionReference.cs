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

    private static void Row(in AttentionProblem problem, int b, int h, int row)
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
        var weights = RowReference.Softmax(scores);
        for (var d = 0; d < problem.D; d++)
        {
            var sum = 0.0;
            for (var key = 0; key < scores.Length; key++)
                sum += weights[key] * problem.V.At(b, problem.KeyHead(h), key)[d];
            problem.OutputRow(b, h, row)[d] = (float)sum;
        }
    }
}
