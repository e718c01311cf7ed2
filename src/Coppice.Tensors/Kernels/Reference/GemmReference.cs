namespace Coppice.Tensors.Kernels.Reference;

/// <summary>Matrix product as it is defined, in double precision: the oracle of <see cref="Gemm"/>.</summary>
internal static unsafe class GemmReference
{
    /// <summary>C[m, n] (+)= Σ_k op(A)[m, k] · op(B)[k, n] (+ bias[n]).</summary>
    public static void Multiply(
        int m, int n, int k, float* a, int lda, bool transA, float* b, int ldb, bool transB, float* c, int ldc, bool accumulate, float* bias)
    {
        for (var row = 0; row < m; row++)
            for (var column = 0; column < n; column++)
            {
                var sum = (accumulate ? c[(long)row * ldc + column] : 0.0) + (bias == null ? 0.0 : bias[column]);
                for (var i = 0; i < k; i++)
                    sum += (double)(transA ? a[(long)i * lda + row] : a[(long)row * lda + i])
                        * (transB ? b[(long)column * ldb + i] : b[(long)i * ldb + column]);
                c[(long)row * ldc + column] = (float)sum;
            }
    }
}
