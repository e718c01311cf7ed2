using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Draws: those of numpy's RandomState for the node's seed, or for one made of its output's name; the same in every run.</summary>
internal static class RandomNumbers
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["RandomUniform"] = call => [Between(call, GivenShape(call)).Cast(call.TypeOf("dtype", TensorDataType.Float))],
        ["RandomUniformLike"] = call => [Between(call, call[0].Shape).Cast(call.TypeOf("dtype", call[0].DType.ToOnnx()))],
        ["RandomNormal"] = call => [Normal(call, GivenShape(call)).Cast(call.TypeOf("dtype", TensorDataType.Float))],
        ["RandomNormalLike"] = call => [Normal(call, call[0].Shape).Cast(call.TypeOf("dtype", call[0].DType.ToOnnx()))],
        ["Bernoulli"] = Bernoulli,
        ["Multinomial"] = Multinomial,
    };

    /// <summary>F64 within 0..1.</summary>
    public static Tensor Uniform(OperatorCall call, Shape shape)
    {
        var (random, draws) = (SourceOf(call), Tensor.Empty(shape, DType.F64));
        foreach (ref var draw in draws.AsSpan<double>())
            draw = Next(random);
        return draws;
    }

    private static RandomSource SourceOf(OperatorCall call) => new(
        call.Node.Attribute("seed") is not { } seed ? call.Node.Outputs[0].Aggregate(0L, (sum, letter) => unchecked(31 * sum + letter))
        : seed.Int ?? (long)(seed.Float ?? 0));

    /// <summary>The upper 53 bits of two draws, as numpy takes them.</summary>
    private static double Next(RandomSource random)
    {
        var upper = random.NextUInt32() >> 5;
        return ((upper * (double)(1 << 26)) + (random.NextUInt32() >> 6)) / (1L << 53);
    }

    private static Shape GivenShape(OperatorCall call) =>
        call.Made(Shape.Create(call.Ints("shape") ?? throw new NotSupportedException("shape is missing")));

    private static Tensor Between(OperatorCall call, Shape shape)
    {
        var (low, high, draws) = (call.Float("low", 0), call.Float("high", 1), Uniform(call, shape));
        foreach (ref var draw in draws.AsSpan<double>())
            draw = low + ((double)high - low) * draw;
        return draws;
    }

    /// <summary>Two at a time, by points in the unit circle (Marsaglia and Bray 1964).</summary>
    private static Tensor Normal(OperatorCall call, Shape shape)
    {
        var (random, draws) = (SourceOf(call), Tensor.Empty(shape, DType.F64));
        var (mean, scale) = (call.Float("mean", 0), call.Float("scale", 1));
        var values = draws.AsSpan<double>();
        for (var i = 0; i < values.Length; i += 2)
        {
            var (first, second) = Pair(random);
            values[i] = mean + scale * first;
            if (i + 1 < values.Length)
                values[i + 1] = mean + scale * second;
        }
        return draws;
    }

    private static (double First, double Second) Pair(RandomSource random)
    {
        double x, y, square;
        do
            (x, y) = (2 * Next(random) - 1, 2 * Next(random) - 1);
        while ((square = x * x + y * y) is >= 1 or 0);
        var factor = Math.Sqrt(-2 * Math.Log(square) / square);
        return (factor * y, factor * x);
    }

    private static Tensor?[] Bernoulli(OperatorCall call)
    {
        var draws = Uniform(call, call[0].Shape).Cast(DType.F32);
        return [draws.Compare(Comparison.Less, call[0].Cast(DType.F32)).Cast(call.TypeOf("dtype", call[0].DType.ToOnnx()))];
    }

    /// <summary>Logarithms of weights [batch, classes] -> numbers of classes [batch, samples].</summary>
    private static Tensor?[] Multinomial(OperatorCall call)
    {
        if (call[0].Shape.Rank != 2)
            throw new NotSupportedException($"the input is {call[0].Shape}, and [batch, classes] is expected");
        var (batch, classes, samples) = (call[0].Shape[0], call[0].Shape[1], ToInt(call.Int("sample_size", 1)));
        call.Made([batch, samples, classes]);
        var below = Apply(new CumulativeSum(1), call[0].Cast(DType.F32).Softmax()).Unsqueeze(1);    // [batch, 1, classes]
        var draws = Uniform(call, [batch, samples]).Cast(DType.F32).Unsqueeze(2);                   // [batch, samples, 1]
        var passed = below.Compare(Comparison.LessOrEqual, draws).Cast(DType.F32).Sum();
        return [Apply(new Clip(0, classes - 1), passed).Cast(call.TypeOf("dtype", TensorDataType.Int32))];
    }
}
