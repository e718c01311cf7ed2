using System.Runtime.CompilerServices;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;
using Coppice.Tensors.Tests.Kernels;
using Coppice.Tensors.Tracing;

namespace Coppice.Tensors.Tests.Autograd;

/// <summary>Every gradient against difference quotients.</summary>
[Trait("Category", "Kernels")]
[Collection(nameof(WorkersTests))]
public sealed class GradientTests
{
    // Rounding costs about 1e-7 / Step, the quotient's own error Step^2: both far below the tolerance.
    private const float Step = 1 / 128f;
    private const double Tolerance = 2e-3;

    /// <summary>Ops whose gradients VisionGradientTests covers.</summary>
    private static readonly string[] TestedElsewhere =
        [nameof(BatchNorm), nameof(BatchNormTraining), nameof(Conv2d), nameof(Pad), nameof(MaxPool2d), nameof(AvgPool2d), nameof(AdaptiveAvgPool2d)];

    public static TheoryData<int> Numbered => [.. Enumerable.Range(0, GradientCases.All.Length)];

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Backward_OfACase_MatchesDifferenceQuotients(int number)
    {
        var test = GradientCases.All[number];
        var weights = Weights(test);
        var gradients = Gradients(test, weights);
        for (var i = 0; i < test.Inputs.Length; i++)
            AssertClose(test, i, Quotients(test, test.Inputs[i], weights), gradients[i]);
    }

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Backward_OneAndTwoThreads_GiveTheSameBytes(int number)
    {
        var test = GradientCases.All[number];
        var weights = Weights(test);
        Assert.Equal(Threads.On(1, () => Gradients(test, weights)), Threads.On(2, () => Gradients(test, weights)));
    }

    [Fact]
    public void Backward_ManyChunks_GivesTheSameBytesOnOneAndTwoThreads()
    {
        var (x, row) = (Numbers.Random([600, 200], 1, 1), Numbers.Random([200], 2, 1));
        var table = Numbers.Random([900, 100], 3);
        var ids = Tensor.From<long>([.. Enumerable.Range(0, 2000).Select(i => i * 7919L % 900)], [2000]);
        var q = Numbers.Random([2, 4, 70, 32], 4, 1);
        GradientCase[] cases =
        [
            new("sums", x => x[0].Add(x[1]), x, row), new("norm", x => x[0].LayerNorm(x[1], x[1]), x, row),
            new("root mean square", x => x[0].RmsNorm(x[1]), x, row),
            new("table", x => x[0].Embedding(ids), table), new("attention", x => x[0].Attention(x[0], x[0], causal: true), q),
            new("linear", x => x[0].Linear(x[0], null).Gelu(), x),
        ];
        foreach (var test in cases)
        {
            var weights = Weights(test);
            Assert.Equal(Threads.On(1, () => Gradients(test, weights)), Threads.On(2, () => Gradients(test, weights)));
        }
    }

    [Fact]
    public void Ops_OfAllTypes_HaveATestedGradientOrSayWhyNot()
    {
        using var seen = new SeenOps();
        foreach (var test in GradientCases.All)
            test.Function(test.Inputs);
        var without = from type in typeof(Op).Assembly.GetExportedTypes()
                      where type.IsSubclassOf(typeof(Op)) && !type.IsAbstract && !seen.Types.Contains(type)
                      where !TestedElsewhere.Contains(type.Name) && ((Op)RuntimeHelpers.GetUninitializedObject(type)).NoGradient is null
                      select type.Name;
        Assert.Empty(without);
    }

    [Fact]
    public void Backward_OfAnOpWithoutGradient_SaysWhy()
    {
        var error = Assert.Throws<NotSupportedException>(() => new ArgMax().Backward([], [], []));
        Assert.Equal("ArgMax has no gradient: an index only jumps, it never changes smoothly.", error.Message);
    }

    private static Tensor Weights(GradientCase test) => Numbers.Random(test.Function(test.Inputs).Shape, 99, 1);

    private static float[][] Gradients(GradientCase test, Tensor weights)
    {
        using var tape = new Tape();
        foreach (var input in test.Inputs)
            tape.Watch(input);
        var gradients = tape.Backward(test.Function(test.Inputs), weights);
        return [.. test.Inputs.Select(input => gradients[input].ToArray<float>())];
    }

    private static double[] Quotients(GradientCase test, Tensor input, Tensor weights)
    {
        var quotients = new double[input.Count];
        for (var i = 0; i < quotients.Length; i++)
        {
            var value = input.AsReadOnlySpan<float>()[i];
            var (above, below) = (value + Step, value - Step);
            input.AsSpan<float>()[i] = above;
            var upper = Weighted(test, weights);
            input.AsSpan<float>()[i] = below;
            var lower = Weighted(test, weights);
            input.AsSpan<float>()[i] = value;
            quotients[i] = (upper - lower) / ((double)above - below);
        }
        return quotients;
    }

    private static double Weighted(GradientCase test, Tensor weights)
    {
        using var scope = new TensorScope();
        return test.Function(test.Inputs).ToArray<float>().Zip(weights.ToArray<float>(), (y, w) => (double)y * w).Sum();
    }

    private static void AssertClose(GradientCase test, int input, double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < actual.Length; i++)
            if (!(Math.Abs(actual[i] - expected[i]) <= Tolerance * Math.Max(1, Math.Abs(expected[i]))))
                Assert.Fail($"{test}, input {input} at {i}: the quotient is {expected[i]:R}, the gradient {actual[i]:R}.");
    }

    private sealed class SeenOps : TraceScope
    {
        public HashSet<Type> Types { get; } = [];

        public override void Record(Op op, ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) => Types.Add(op.GetType());
    }
}
