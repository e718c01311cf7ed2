using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Autograd;

/// <summary>Ops that models from ONNX files need.</summary>
internal static partial class GradientCases
{
    private static IEnumerable<GradientCase> Functions()
    {
        Op[] anywhere =
        [
            new Exp(), new Erf(), new Softplus(), new Abs(), new Negate(), new Sin(), new Cos(), new Atan(), new Sinh(), new Cosh(),
            new Asinh(), new LeakyRelu(0.1f), new Elu(0.7f), new Celu(0.7f), new Selu(), new HardSigmoid(0.3f, 0.4f), new HardSwish(),
            new Mish(), new Softsign(),
        ];
        foreach (var op in anywhere)
            yield return new($"{op}", x => Op.ApplySingle(op, x), AwayFromZero([19]));
        foreach (Op op in (Op[])[new Log(), new Sqrt(), new Reciprocal()])
            yield return new($"{op}", x => Op.ApplySingle(op, x), From(1.5f, 4));
        foreach (Op op in (Op[])[new Asin(), new Acos(), new Atanh(), new Tan()])
            yield return new($"{op}", x => Op.ApplySingle(op, x), From(-0.6f, 0.6f));
        yield return new("Acosh", x => Op.ApplySingle(new Acosh(), x), From(2, 4));
        foreach (Op op in (Op[])[new Sign(), new Floor(), new Ceiling(), new Round()])
            yield return new($"{op}", x => Op.ApplySingle(op, x), From(0.1f, 0.4f));
        yield return new("Clip", x => Op.ApplySingle(new Clip(-1, 1), x), From(-2.03f, 2));
        yield return new("ThresholdedRelu", x => Op.ApplySingle(new ThresholdedRelu(0.5f), x), From(-2.03f, 2));
        yield return new("Shrink", x => Op.ApplySingle(new Shrink(0.5f, 0.2f), x), From(-2.03f, 2));
    }

    private static IEnumerable<GradientCase> Arithmetic()
    {
        var condition = Tensor.From<bool>([true, false, true], [3]);
        yield return new("Divide", x => x[0].Divide(x[1]), Random([2, 3]), From(1.5f, 4, [3]));
        yield return new("Power", x => x[0].Power(x[1]), From(0.5f, 2, [2, 3]), Random([3]));
        yield return new("Minimum", x => x[0].Minimum(x[1]), Random([2, 3]), Random([3], 5));
        yield return new("Maximum", x => x[0].Maximum(x[1]), Random([3]), Random([2, 3], 5));
        yield return new("Modulo", x => Op.ApplySingle(new Modulo(false), x), From(0.3f, 0.8f, [4]), From(1, 1.4f, [4]));
        yield return new("Modulo, truncated", x => Op.ApplySingle(new Modulo(true), x), From(-3.2f, -2.9f, [4]), From(1.1f, 1.3f, [4]));
        yield return new("Where", x => Tensor.Where(condition, x[0], x[1]), Random([2, 3]), Random([2, 1], 2));
    }

    private static IEnumerable<GradientCase> Reductions()
    {
        foreach (var kind in Enum.GetValues<Reduction>())
        {
            yield return new($"Reduce {kind}, inner", x => x[0].Reduce(kind, -1), From(-1.4f, 1.5f, [3, 5]));
            yield return new($"Reduce {kind}, outer and inner", x => x[0].Reduce(kind, 0, 2), From(-1.4f, 1.5f, [2, 3, 4]));
        }
        yield return new("Reduce Product with a zero", x => x[0].Reduce(Reduction.Product, 0), Tensor.From<float>([2, 0, 3], [3]));
        yield return new("CumulativeSum", x => Op.ApplySingle(new CumulativeSum(1), x), Random([2, 3, 2]));
        yield return new("SlidingSum", x => Op.ApplySingle(new SlidingSum(1, 1, 2), x), Random([2, 5, 3]));
        yield return new("CumulativeSum, exclusive from the end", x => Op.ApplySingle(new CumulativeSum(0, true, true), x), Random([4, 2]));
    }

    private static IEnumerable<GradientCase> AxisViews()
    {
        yield return new("Permute", x => x[0].Permute(2, 0, 1), Random([2, 3, 4]));
        yield return new("Unsqueeze", x => x[0].Unsqueeze(1).Multiply(x[0]), Random([2, 2]));
        yield return new("Expand", x => x[0].Expand([4, 2, 3]), Random([2, 1]));
        yield return new("Slice", x => Op.ApplySingle(new Slice(1, 1, 2, 2), x), Random([2, 5]));
        yield return new("Slice backwards", x => Op.ApplySingle(new Slice(0, 4, 3, -2), x), Random([5, 2]));
        yield return new("Triangle", x => Op.ApplySingle(new Triangle(true, 1), x), Random([2, 3, 4]));
    }

    private static IEnumerable<GradientCase> Indexing()
    {
        var (ids, rows) = (Tensor.From<long>([2, 0, -1, 2], [2, 2]), Tensor.From<long>([0, 1, 2, 0], [2, 2]));
        yield return new("Gather", x => x[0].Gather(ids, 1), Random([2, 3, 2]));
        yield return new("GatherElements", x => Op.ApplySingle(new GatherElements(0), x[0], ids), Random([3, 2]));
        yield return new("GatherND", x => Op.ApplySingle(new GatherND(), x[0], rows), Random([3, 2, 2]));
        yield return new("ScatterElements", x => Op.ApplySingle(new ScatterElements(0), x[0], rows, x[1]), Random([3, 2]), Random([2, 2], 2));
        yield return new("ScatterElements, added", x => Op.ApplySingle(new ScatterElements(0, ScatterKind.Add), x[0], ids, x[1]),
            Random([3, 2]), Random([2, 2], 2));
        yield return new("ScatterND", x => Op.ApplySingle(new ScatterND(), x[0], rows, x[1]), Random([3, 2, 2]), Random([2, 2], 2));
        yield return new("TopK", x => Op.Apply(new TopK(2), x[0])[0], From(-1.4f, 1.5f, [2, 5]));
    }

    private static IEnumerable<GradientCase> Windows()
    {
        yield return new("Unfold", x => Op.ApplySingle(new Unfold([2, 3], [1, 2], [2, 1], [1, 0], [0, 1]), x), Random([1, 2, 4, 5]));
        yield return new("Fold", x => Op.ApplySingle(new Fold([4], [2], [1], [2], [1], [0]), x), Random([1, 2, 2, 3]));
    }

    /// <summary>Evenly spaced values, shuffled: no two so close that a difference quotient passes from one to the other.</summary>
    private static Tensor From(float first, float last, Shape? shape = null)
    {
        var count = (int)(shape ?? [17]).Count;
        return Tensor.From<float>([.. Enumerable.Range(0, count).Select(i => first + (last - first) * (i * 7 % count) / count)], shape ?? [count]);
    }
}
