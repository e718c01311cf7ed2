using Coppice.Tensors.Kernels.Reference;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class ActivationTests
{
    private static readonly Dictionary<string, (Op Op, Func<double, double> Reference)> Cases = new()
    {
        ["Relu"] = (new Relu(), ActivationReference.Relu),
        ["Tanh"] = (new Tanh(), Math.Tanh),
        ["Sigmoid"] = (new Sigmoid(), ActivationReference.Sigmoid),
        ["Silu"] = (new Silu(), ActivationReference.Silu),
        ["GeluErf"] = (new Gelu(GeluKind.Erf), x => ActivationReference.Gelu(x, GeluKind.Erf)),
        ["GeluTanh"] = (new Gelu(GeluKind.Tanh), x => ActivationReference.Gelu(x, GeluKind.Tanh)),
        ["GeluQuick"] = (new Gelu(GeluKind.Quick), x => ActivationReference.Gelu(x, GeluKind.Quick)),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_EdgeSizes_MatchesReference(string name)
    {
        foreach (var size in Numbers.EdgeSizes)
        {
            var x = Numbers.Random([size], seed: size, range: 10);
            Numbers.Close(Expected(name, x), Op.ApplySingle(Cases[name].Op, x).ToArray<float>());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_WholeRange_MatchesReference(string name)
    {
        var powers = Enumerable.Range(-45, 90).Select(exponent => MathF.Pow(10, exponent));
        float[] values = [.. Enumerable.Range(-120_000, 240_001).Select(i => i / 1000f), .. powers];
        var x = Tensor.From<float>(values, [values.Length]);
        Numbers.Close(Expected(name, x), Op.ApplySingle(Cases[name].Op, x).ToArray<float>());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_SpecialValues_MatchesReference(string name)
    {
        var x = Tensor.From<float>(Numbers.Special, [Numbers.Special.Length]);
        Numbers.Close(Expected(name, x), Op.ApplySingle(Cases[name].Op, x).ToArray<float>());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_Value_DoesNotDependOnItsPlace(string name)
    {
        var x = Tensor.Full([37], 1.2345f);
        Assert.Single(Op.ApplySingle(Cases[name].Op, x).ToArray<float>().Distinct());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_Empty_IsEmpty(string name) =>
        Assert.Equal<Shape>([2, 0], Op.ApplySingle(Cases[name].Op, Tensor.Empty([2, 0])).Shape);

    [Fact]
    public void Forward_StridedView_ReadsTheView()
    {
        var x = Numbers.Random([5, 9]);
        Assert.Equal(x.Tanh().Transpose(0, 1).ToArray<float>(), x.Transpose(0, 1).Tanh().ToArray<float>());
    }

    [Fact]
    public void Infer_Integers_NamesOpTypeAndRemedy()
    {
        var error = Assert.Throws<OpException>(() => Tensor.From<long>([1, 2], [2]).Gelu());
        Assert.Equal("Gelu(I64 [2]): one F32 tensor is expected; convert with Cast.", error.Message);
    }

    private static double[] Expected(string name, Tensor x) =>
        Array.ConvertAll(x.ToArray<float>(), value => Cases[name].Reference(value));
}
