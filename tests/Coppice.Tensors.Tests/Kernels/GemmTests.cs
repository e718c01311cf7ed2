using Coppice.Tensors.Kernels;
using Coppice.Tensors.Kernels.Reference;

namespace Coppice.Tensors.Tests.Kernels;

[Trait("Category", "Kernels")]
public sealed class GemmTests
{
    private static readonly int[] Sizes = [1, 5, 13, 14, 15, 31, 32, 33, 64, 127];

    /// <summary>Every size with two others, all four transpose forms.</summary>
    public static TheoryData<int, int, int, bool, bool> Shapes()
    {
        var data = new TheoryData<int, int, int, bool, bool>();
        for (var i = 0; i < Sizes.Length; i++)
            for (var j = 0; j < Sizes.Length; j++)
                for (var form = 0; form < 4; form++)
                    data.Add(Sizes[i], Sizes[j], Sizes[(i + 3 * j + form) % Sizes.Length], (form & 1) != 0, (form & 2) != 0);
        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Multiply_AnyShapeAndForm_AgreesWithReference(int m, int n, int k, bool transA, bool transB)
    {
        foreach (var accumulate in new[] { false, true })
            foreach (var withBias in new[] { false, true })
            {
                var problem = new Problem(m, n, k, transA, transB, accumulate, withBias);
                var expected = problem.Reference();
                problem.AssertClose(expected, problem.Unpacked());
                problem.AssertClose(expected, problem.Packed());
            }
    }

    [Theory]
    [InlineData(3, 40, 1025)] // two runs along k
    [InlineData(29, 33, 2500)]
    [InlineData(1100, 70, 40)] // several groups of strips
    [InlineData(1200, 16, 4000)] // A in several blocks
    [InlineData(300, 33, 600, true)] // several groups of strips and runs of a transposed A
    [InlineData(1200, 16, 2500, true)]
    public void Multiply_BeyondOneBlock_AgreesWithReference(int m, int n, int k, bool transA = false)
    {
        var problem = new Problem(m, n, k, transA, true, true, true);
        var expected = problem.Reference();
        problem.AssertClose(expected, problem.Unpacked());
        problem.AssertClose(expected, problem.Packed());
    }

    [Theory]
    [InlineData(14, 64, 300, false)]
    [InlineData(37, 45, 1500, true)]
    [InlineData(1, 45, 1500, false)]
    [InlineData(1, 3001, 77, false)]
    public void Multiply_PackedAhead_GivesTheSameBytes(int m, int n, int k, bool transB)
    {
        var problem = new Problem(m, n, k, false, transB, true, true);
        Assert.Equal(problem.Unpacked(), problem.Packed());
    }

    [Theory]
    [InlineData(1, 3000, 700)]
    [InlineData(8, 2000, 768)]
    [InlineData(200, 500, 300)]
    [InlineData(1300, 64, 400)]
    public void Multiply_OneOrMoreThreads_GivesTheSameBytes(int m, int n, int k)
    {
        foreach (var transB in new[] { false, true })
        {
            var problem = new Problem(m, n, k, false, transB, false, true);
            var alone = Threads.On(1, () => (problem.Unpacked(), problem.Packed()));
            var shared = Threads.On(3, () => (problem.Unpacked(), problem.Packed()));
            Assert.Equal(alone.Item1, shared.Item1);
            Assert.Equal(alone.Item2, shared.Item2);
        }
    }

    [Fact]
    public void Multiply_ARowAmongOthers_DoesNotDependOnThem()
    {
        var many = new Problem(27, 50, 200, false, false, false, false);
        var few = new Problem(2, 50, 200, false, false, false, false);
        Assert.Equal(few.Unpacked()[..50], many.Unpacked()[..50]);
    }

    [Theory]
    [InlineData(0, 4, 4)]
    [InlineData(4, 0, 4)]
    [InlineData(0, 0, 0)]
    public void Multiply_NoOutputs_WritesNothing(int m, int n, int k)
    {
        var problem = new Problem(m, n, k, false, false, false, false);
        Assert.Equal(problem.Reference(), problem.Unpacked());
        Assert.Equal(problem.Reference(), problem.Packed());
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(20, false)]
    [InlineData(20, true)]
    public void Multiply_EmptySums_GiveBiasOrLeaveC(int m, bool accumulate)
    {
        var problem = new Problem(m, 40, 0, false, false, accumulate, true);
        Assert.Equal(problem.Reference(), problem.Unpacked());
        Assert.Equal(problem.Reference(), problem.Packed());
    }

    [Fact]
    public void Multiply_NaNInOneColumn_StaysThere()
    {
        var problem = new Problem(16, 40, 8, false, false, false, false);
        problem.B[3] = float.NaN;
        var c = problem.Unpacked();
        for (var column = 0; column < 40; column++)
            Assert.Equal(column == 3, float.IsNaN(c[column]));
    }

    /// <summary>One product with random entries; rows of each matrix lie some floats further apart than they must.</summary>
    private sealed unsafe class Problem
    {
        private readonly int _m, _n, _k, _lda, _ldb, _ldc;
        private readonly bool _transA, _transB, _accumulate;
        private readonly float[] _a, _c;
        private readonly float[]? _bias;

        public Problem(int m, int n, int k, bool transA, bool transB, bool accumulate, bool withBias)
        {
            (_m, _n, _k, _transA, _transB, _accumulate) = (m, n, k, transA, transB, accumulate);
            (_lda, _ldb, _ldc) = ((transA ? m : k) + 2, (transB ? k : n) + 3, n + 1);
            _a = Fill(seed: 1, (transA ? k : m) * _lda);
            B = Fill(seed: 2, (transB ? n : k) * _ldb);
            _c = Fill(seed: 3, m * _ldc);
            _bias = withBias ? Fill(seed: 4, n) : null;
        }

        public float[] B { get; }

        public float[] Reference() => Run((a, b, c, bias) =>
            GemmReference.Multiply(_m, _n, _k, (float*)a, _lda, _transA, (float*)b, _ldb, _transB, (float*)c, _ldc, _accumulate, (float*)bias));

        public float[] Unpacked() => Run((a, b, c, bias) =>
            Gemm.Multiply(_m, _n, _k, (float*)a, _lda, _transA, (float*)b, _ldb, _transB, (float*)c, _ldc, _accumulate, (float*)bias));

        public float[] Packed() => Run((a, b, c, bias) =>
        {
            using var packed = new PackedMatrix(_k, _n, (float*)b, _ldb, _transB);
            Gemm.Multiply(_m, (float*)a, _lda, _transA, packed, (float*)c, _ldc, _accumulate, (float*)bias);
        });

        /// <summary>Within the error of a float sum of k products of entries below 1; the gaps between rows must be untouched.</summary>
        public void AssertClose(float[] expected, float[] actual)
        {
            var tolerance = 2e-6 * Math.Sqrt(_k + 4) + 1e-7 * _k;
            for (var i = 0; i < expected.Length; i++)
                if (i % _ldc == _n ? expected[i] != actual[i] : !(Math.Abs(expected[i] - actual[i]) <= tolerance))
                    Assert.Fail($"[{i / _ldc}, {i % _ldc}]: expected {expected[i]}, got {actual[i]} (m {_m}, n {_n}, k {_k}, {_transA}, {_transB}).");
        }

        private float[] Run(Action<nint, nint, nint, nint> multiply)
        {
            var c = (float[])_c.Clone();
            fixed (float* a = _a, b = B, target = c, bias = _bias)
                multiply((nint)a, (nint)b, (nint)target, (nint)bias);
            return c;
        }

        private static float[] Fill(int seed, int count)
        {
            var random = new Random(seed);
            var values = new float[count];
            foreach (ref var value in values.AsSpan())
                value = 2 * random.NextSingle() - 1;
            return values;
        }
    }
}
