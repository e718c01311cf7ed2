using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class FunctionOpTests
{
    private static readonly Dictionary<string, (Op Op, Func<double, double> Reference)> Cases = new()
    {
        ["Exp"] = (new Exp(), Math.Exp),
        ["Log"] = (new Log(), Math.Log),
        ["Sqrt"] = (new Sqrt(), Math.Sqrt),
        ["Reciprocal"] = (new Reciprocal(), x => 1 / x),
        ["Softplus"] = (new Softplus(), x => x > 40 ? x : Math.Log(1 + Math.Exp(x))),
        ["Abs"] = (new Abs(), Math.Abs),
        ["Negate"] = (new Negate(), x => -x),
        ["Sign"] = (new Sign(), x => double.IsNaN(x) ? x : Math.Sign(x)),
        ["Floor"] = (new Floor(), Math.Floor),
        ["Ceiling"] = (new Ceiling(), Math.Ceiling),
        ["Round"] = (new Round(), Math.Round),
        ["Sin"] = (new Sin(), Math.Sin),
        ["Cos"] = (new Cos(), Math.Cos),
        ["Tan"] = (new Tan(), Math.Tan),
        ["Asin"] = (new Asin(), Math.Asin),
        ["Acos"] = (new Acos(), Math.Acos),
        ["Atan"] = (new Atan(), Math.Atan),
        ["Sinh"] = (new Sinh(), Math.Sinh),
        ["Cosh"] = (new Cosh(), Math.Cosh),
        ["Asinh"] = (new Asinh(), Math.Asinh),
        ["Acosh"] = (new Acosh(), Math.Acosh),
        ["Atanh"] = (new Atanh(), Math.Atanh),
        ["LeakyRelu"] = (new LeakyRelu(0.1f), x => x < 0 ? 0.1f * x : x),
        ["Elu"] = (new Elu(0.5f), x => x < 0 ? 0.5 * (Math.Exp(x) - 1) : x),
        ["Celu"] = (new Celu(0.5f), x => x < 0 ? 0.5 * (Math.Exp(x / 0.5) - 1) : x),
        ["Selu"] = (new Selu(), x => 1.05070102f * (x < 0 ? 1.67326319f * (Math.Exp(x) - 1) : x)),
        ["ThresholdedRelu"] = (new ThresholdedRelu(1), x => x > 1 || double.IsNaN(x) ? x : 0),
        ["Shrink"] = (new Shrink(1, 0.5f), x => x < -1 ? x + 0.5 : x > 1 ? x - 0.5 : double.IsNaN(x) ? x : 0),
        ["Clip"] = (new Clip(-1, 2), x => double.IsNaN(x) ? x : Math.Clamp(x, -1, 2)),
        ["HardSigmoid"] = (new HardSigmoid(), x => double.IsNaN(x) ? x : Math.Clamp(0.2f * x + 0.5f, 0, 1)),
        ["HardSwish"] = (new HardSwish(), x => x * (double.IsNaN(x) ? x : Math.Clamp(x / 6 + 0.5, 0, 1))),
        ["Mish"] = (new Mish(), x => x * Math.Tanh(x > 40 ? x : Math.Log(1 + Math.Exp(x)))),
        ["Softsign"] = (new Softsign(), x => x / (1 + Math.Abs(x))),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_EdgeSizes_MatchesReference(string name)
    {
        var (op, reference) = Cases[name];
        foreach (var size in (int[])[0, .. Numbers.EdgeSizes, 40_000])
        {
            var x = Numbers.Random([size], seed: size, range: 5);
            Numbers.Close(Array.ConvertAll(x.ToArray<float>(), value => reference(value)), Op.ApplySingle(op, x).ToArray<float>(), 4e-6);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_NaN_IsNaN(string name) => Assert.Equal(float.NaN, Op.ApplySingle(Cases[name].Op, Tensor.Full([3], float.NaN)).ToArray<float>()[1]);

    [Fact]
    public void Erf_KnownValues_AreRight()
    {
        var x = Tensor.From<float>([0, 0.5f, -1, 3], [4]);
        Numbers.Close([0, 0.5204998778, -0.8427007929, 0.9999779095], Op.ApplySingle(new Erf(), x).ToArray<float>());
    }
}
