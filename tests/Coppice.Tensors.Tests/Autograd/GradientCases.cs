using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Autograd;

/// <summary>Every op with a gradient, at small sizes around the edges of registers and blocks.</summary>
internal static partial class GradientCases
{
    private static readonly Tensor Ids = Tensor.From<long>([3, 0, 3, 1, 3, 4], [2, 3]);
    private static readonly Tensor Classes = Tensor.From<long>([3, 0, -100, 16, 5], [5]);
    private static readonly Tensor Mask = Tensor.From<float>([0, -1, 0.5f, -1e30f, 0, -1e30f, 0, 2, 0, 0], [2, 1, 1, 5]);

    public static GradientCase[] All { get; } =
    [
        .. Binary(), .. Unary(), .. Rows(), .. Products(), .. Attentions(), .. Views(), .. Losses(), .. Shared(),
        .. Functions(), .. Arithmetic(), .. Reductions(), .. AxisViews(), .. Indexing(), .. Windows(),
    ];

    private static IEnumerable<GradientCase> Binary()
    {
        Shape[][] pairs = [[[2, 3, 4], [2, 3, 4]], [[2, 3, 4], [4]], [[3, 1], [1, 17]], [[], [2, 5]], [[2, 1, 3, 1], [5, 1, 4]]];
        foreach (var pair in pairs)
            foreach (Op op in (Op[])[new Add(), new Subtract(), new Multiply()])
                yield return new($"{op.Name} {pair[0]} {pair[1]}", x => Op.ApplySingle(op, x), Random(pair[0]), Random(pair[1], 2));
        yield return new("Multiply x by x", x => x[0].Multiply(x[0]), Random([7]));
    }

    private static IEnumerable<GradientCase> Unary()
    {
        Op[] ops =
            [new Relu(), new Tanh(), new Sigmoid(), new Silu(), new Gelu(GeluKind.Erf), new Gelu(GeluKind.Tanh), new Gelu(GeluKind.Quick)];
        foreach (var op in ops)
            foreach (var size in (int[])[1, 15, 16, 35])
                yield return new($"{op} [{size}]", x => Op.ApplySingle(op, x), AwayFromZero([size]));
        yield return new("Gelu of a strided view", x => x[0].Transpose(0, 1).Gelu(), Random([3, 5]));
    }

    private static IEnumerable<GradientCase> Rows()
    {
        foreach (var size in (int[])[1, 16, 19])
        {
            yield return new($"Softmax [3, {size}]", x => x[0].Softmax(), Random([3, size]));
            yield return new($"LogSoftmax [3, {size}]", x => x[0].LogSoftmax(), Random([3, size]));
            yield return new($"L2Normalize [3, {size}]", x => x[0].L2Normalize(), Random([3, size]));
            yield return new($"Sum [3, {size}]", x => x[0].Sum(), Random([3, size]));
            yield return new($"Mean [3, {size}]", x => x[0].Mean(), Random([3, size]));
        }
        foreach (var size in (int[])[4, 16, 37])
            yield return new($"LayerNorm [2, 3, {size}]", x => x[0].LayerNorm(x[1], x[2], 1e-3f),
                Random([2, 3, size]), Random([size], 2), Random([size], 3));
        foreach (var size in (int[])[4, 16, 37])
            yield return new($"RmsNorm [2, 3, {size}]", x => x[0].RmsNorm(x[1], 1e-3f), Random([2, 3, size]), Random([size], 2));
        foreach (var size in (int[])[2, 10, 32])
        {
            var frequencies = Numbers.Random([size / 2], 4);
            yield return new($"RotaryEmbedding [2, 3, 2, {size}]", x => x[0].Transpose(1, 2).RotaryEmbedding(Tensor.Arange(1, 3), frequencies),
                Random([2, 3, 2, size]));
        }
        yield return new("Embedding", x => x[0].Embedding(Ids), Random([6, 5]));
    }

    private static IEnumerable<GradientCase> Products()
    {
        foreach (var layout in (WeightLayout[])[WeightLayout.OutIn, WeightLayout.InOut])
        {
            Shape weight = layout == WeightLayout.OutIn ? [5, 7] : [7, 5];
            yield return new($"Linear {layout}", x => x[0].Linear(x[1], x[2], layout),
                Random([2, 3, 7]), Random(weight, 2), Random([5], 3));
            yield return new($"Linear {layout}, one row", x => x[0].Linear(x[1], null, layout), Random([7]), Random(weight, 2));
        }
        Shape[][] pairs = [[[3, 4], [4, 5]], [[2, 3, 4], [4, 5]], [[2, 3, 4], [2, 4, 5]], [[2, 1, 3, 4], [3, 4, 5]], [[3, 4], [2, 4, 5]]];
        foreach (var pair in pairs)
        {
            yield return new($"MatMul {pair[0]} {pair[1]}", x => x[0].MatMul(x[1]), Random(pair[0]), Random(pair[1], 2));
            var flipped = pair[1].With(^1, pair[1][^2]).With(^2, pair[1][^1]);
            yield return new($"MatMul {pair[0]} {flipped} transposed", x => Op.ApplySingle(new MatMul(true), x),
                Random(pair[0]), Random(flipped, 2));
        }
    }

    private static IEnumerable<GradientCase> Attentions()
    {
        yield return Attention("Attention", [2, 2, 3, 8], [2, 2, 5, 8], (q, k, v) => q.Attention(k, v));
        yield return Attention("Attention, causal", [1, 2, 4, 8], [1, 2, 6, 8], (q, k, v) => q.Attention(k, v, causal: true));
        yield return Attention("Attention, masked", [2, 2, 3, 5], [2, 2, 5, 5], (q, k, v) => q.Attention(k, v, mask: Mask));
        yield return Attention("Attention, grouped heads", [1, 4, 3, 6], [1, 2, 3, 6], (q, k, v) => q.Attention(k, v, scale: 0.3f));
        yield return Attention("Attention, two blocks", [1, 1, 37, 4], [1, 1, 37, 4], (q, k, v) => q.Attention(k, v, causal: true));
        yield return Attention("Attention, wide registers", [1, 1, 3, 32], [1, 1, 2, 32], (q, k, v) => q.Attention(k, v));
        yield return new("Attention of one tensor", x => Heads(x[0], 0).Attention(Heads(x[0], 1), Heads(x[0], 2), causal: true),
            Random([2, 3, 12]));

        static Tensor Heads(Tensor fused, int third) => fused.Reshape(2, 3, 3, 2, 2).Narrow(2, third, 1).Squeeze(2).Transpose(1, 2);
    }

    private static GradientCase Attention(string name, Shape query, Shape key, Func<Tensor, Tensor, Tensor, Tensor> function) =>
        new(name, x => function(x[0], x[1], x[2]), Random(query, 1), Random(key, 2), Random(key, 3));

    private static IEnumerable<GradientCase> Views()
    {
        yield return new("Concat", x => Tensor.Concat(1, x), Random([2, 1, 3]), Random([2, 4, 3], 2), Random([2, 2, 3], 3));
        yield return new("Reshape", x => x[0].Reshape(3, -1), Random([2, 6]));
        yield return new("Reshape of a strided view", x => x[0].Transpose(0, 1).Reshape(12), Random([3, 4]));
        yield return new("Transpose", x => x[0].Transpose(0, 2), Random([2, 3, 4]));
        yield return new("Narrow", x => x[0].Narrow(1, 1, 2), Random([2, 4, 3]));
        yield return new("Narrow twice, overlapping", x => x[0].Narrow(0, 0, 3).Multiply(x[0].Narrow(0, 1, 3)), Random([5]));
        yield return new("Squeeze", x => x[0].Squeeze(1), Random([3, 1, 2]));
        yield return new("Contiguous", x => x[0].Transpose(0, 1).Contiguous(), Random([3, 2]));
        yield return new("Cast", x => x[0].Cast(DType.F64).Cast(DType.F32), Random([3, 2]));
        yield return new("Checkpointing", x => Checkpointing.Run(y => y[0].Gelu().Multiply(y[1]), x).Tanh(),
            Random([3, 2]), Random([2], 2));
    }

    private static IEnumerable<GradientCase> Losses()
    {
        yield return new("CrossEntropy", x => x[0].CrossEntropy(Classes), Random([5, 17]));
        yield return new("CrossEntropy, smoothed", x => x[0].CrossEntropy(Classes, 0.2f), Random([5, 17]));
        yield return new("KlDivergence", x => x[0].KlDivergence(Random([5, 17], 9), 2.5f), Random([5, 17]));
        yield return new("MeanSquaredError", x => x[0].MeanSquaredError(x[1]), Random([5, 7]), Random([5, 7], 2));
    }

    /// <summary>Inputs of several ops, whose gradients are added up.</summary>
    private static IEnumerable<GradientCase> Shared()
    {
        yield return new("Linear, three of one input", x => x[0].Linear(x[1]).Add(x[0].Linear(x[2])).Add(x[0].Linear(x[1])),
            Random([3, 5]), Random([4, 5], 2), Random([4, 5], 3));
        yield return new("Linear of itself", x => x[0].Linear(x[0]).Multiply(x[0]), Random([4, 4]));
        yield return new("Linear with a residual", x => x[0].Linear(x[1]).Add(x[0]).Add(x[0]), Random([3, 5]), Random([5, 5], 2));
        yield return new("LayerNorm with a residual", x => x[0].Add(x[0].LayerNorm(x[1], x[2], 1e-3f)).Multiply(x[0]),
            Random([3, 19]), Random([19], 2), Random([19], 3));
        yield return new("RmsNorm with a residual", x => x[0].Add(x[0].RmsNorm(x[1], 1e-3f)).Multiply(x[0]), Random([3, 19]), Random([19], 2));
        yield return new("Embedding tied to an output layer", x => x[0].Embedding(Ids).Linear(x[0]), Random([6, 5]));
        yield return new("Narrow in parts", x => Tensor.Concat(1, x[0].Narrow(1, 2, 2).Tanh(), x[0].Narrow(1, 0, 3), x[0]), Random([2, 5]));
        yield return new("Narrow with a residual", x => x[0].Add(Tensor.Concat(0, x[0].Narrow(0, 1, 1), x[0].Narrow(0, 0, 1))), Random([2, 3]));
    }

    private static Tensor Random(Shape shape, int seed = 1) => Numbers.Random(shape, seed, 1.5f);

    /// <summary>Where no difference quotient crosses the bend of a rectifier.</summary>
    private static Tensor AwayFromZero(Shape shape)
    {
        var tensor = Random(shape);
        foreach (ref var value in tensor.AsSpan<float>())
            value += value < 0 ? -0.1f : 0.1f;
        return tensor;
    }
}
