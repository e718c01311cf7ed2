using Coppice.Graphs;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class VerificationTests
{
    private static readonly long[] Classes = [.. Enumerable.Range(0, 2000).Select(i => (long)(i % 7))];

    [Theory]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void Compare_ClassesOfFloats_MayTipOnceInAThousand(int wrong, bool isFine) =>
        Check(Graph(builder => builder.Apply(new ArgMax(), [builder.Input("x", DType.F32, 2000, 7)])[0]), wrong, isFine);

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void Compare_WholeNumbersOfWholeNumbers_MustBeEqual(int wrong, bool isFine) =>
        Check(Graph(builder => builder.Apply(new Narrow(0, 0, 2000), [builder.Input("x", DType.I64, 2001)])[0]), wrong, isFine);

    [Fact]
    public void Compare_AFewClassesOfFloats_MustBeEqual()
    {
        var graph = Graph(builder => builder.Apply(new ArgMax(), [builder.Input("x", DType.F32, 3, 7)])[0]);
        var error = Assert.Throws<VerificationException>(() =>
            Verification.Compare(graph, [Tensor.From<long>([1, 2, 3], [3])], [Tensor.From<long>([1, 2, 4], [3])], []));
        Assert.Contains("1 of 3 entries of the pruned model's output 'y'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compare_NarrowFloats_MayDifferByTheirRounding()
    {
        var graph = Graph(builder => builder.Apply(new Cast(DType.F16), [builder.Input("x", DType.F32, 2)])[0]);
        Tensor F16(float second) => Tensor.From<float>([1, second], [2]).Cast(DType.F16);
        Assert.InRange(Verification.Compare(graph, [F16(0.5f)], [F16(0.501f)], []).LargestDifference, 5e-4, 2e-3);
        Assert.Throws<VerificationException>(() => Verification.Compare(graph, [F16(0.5f)], [F16(0.51f)], []));
        Assert.Throws<VerificationException>(() => Verification.Compare(graph, [F16(0.5f)], [F16(0.5f).Cast(DType.F32)], []));
    }

    [Theory]
    [InlineData(float.NaN, float.NaN, true)]
    [InlineData(float.PositiveInfinity, float.NaN, true)]
    [InlineData(1, float.NaN, false)]
    public void Compare_OutputsOfNaN_AreNoEvidence(float first, float second, bool isRefused)
    {
        var graph = Graph(builder => builder.Apply(new Narrow(0, 0, 2), [builder.Input("x", DType.F32, 2)])[0]);
        Verification Compare() => Verification.Compare(graph, [Tensor.From<float>([first, second], [2])], [Tensor.From<float>([first, second], [2])], []);
        if (isRefused)
            Assert.Contains("output 'y' is NaN or infinite", Assert.Throws<VerificationException>(Compare).Message, StringComparison.Ordinal);
        else
            Assert.Equal(0, Compare().LargestDifference);
    }

    private static Graph Graph(Func<GraphBuilder, Value> output)
    {
        var builder = new GraphBuilder();
        builder.Output("y", output(builder));
        return builder.Build();
    }

    private static void Check(Graph graph, int wrong, bool isFine)
    {
        long[] other = [.. Classes.Select((value, i) => i < wrong ? value + 1 : value)];
        Verification Compare() => Verification.Compare(graph, [Tensor.From<long>(Classes, [2000])], [Tensor.From<long>(other, [2000])], []);
        if (isFine)
            Assert.Equal(0, Compare().LargestDifference);
        else
            Assert.Throws<VerificationException>(Compare);
    }
}
