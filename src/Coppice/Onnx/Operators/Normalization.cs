using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Normalisation by means and variances.</summary>
internal static class Normalization
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["BatchNormalization"] = call => call.InSingle(BatchNorm),
        ["InstanceNormalization"] = call => call.InSingle(typed => [InstanceNorm(typed)]),
        ["GroupNormalization"] = call => call.InSingle(typed => [GroupNorm(typed)]),
        ["LayerNormalization"] = call => call.InSingle(LayerNorm),
        ["RMSNormalization"] = call => call.InSingle(typed => [RmsNorm(typed)]),
        ["LRN"] = call => call.InSingle(typed => [LocalResponse(typed)]),
        ["MeanVarianceNormalization"] = call => [InSingle(x => MeanVariance(x, call.Ints("axes") ?? [0, 2, 3]), call[0])],
        ["LpNormalization"] = call => [InSingle(x => LpNorm(call, x), call[0])],
    };

    private static Tensor?[] BatchNorm(OperatorCall call)
    {
        var (x, scale, bias, epsilon) = (call[0], call[1], call[2], call.Float("epsilon", 1e-5f));
        var image = x.Shape.Rank is 2 or 4 ? x : x.Reshape(x.Shape[0], x.Shape.Rank == 1 ? 1 : x.Shape[1], -1, 1);
        if (!call.Flag("training_mode"))
            return [image.BatchNorm(scale, bias, call[3], call[4], epsilon).Reshape([.. x.Shape.Dims])];
        var (y, mean, variance) = image.BatchNormTraining(scale, bias, epsilon);
        var momentum = call.Float("momentum", 0.9f);
        return [y.Reshape([.. x.Shape.Dims]), Mix(call[3], mean, momentum), Mix(call[4], variance, momentum)];
    }

    private static Tensor Mix(Tensor running, Tensor now, float momentum) =>
        running.Multiply(Constant(momentum)).Add(now.Multiply(Constant(1 - momentum)));

    private static Tensor InstanceNorm(OperatorCall call) => Grouped(call[0], call[0].Shape[1], call[1], call[2], call.Float("epsilon", 1e-5f));

    private static Tensor GroupNorm(OperatorCall call)
    {
        var (x, groups, scale, bias) = (call[0], ToInt(call.Int("num_groups", 1)), call[1], call[2]);
        return call.Version >= 21 || scale.Shape[0] == x.Shape[1]
            ? Grouped(x, groups, scale, bias, call.Float("epsilon", 1e-5f))
            : Grouped(x, groups, Repeat(scale), Repeat(bias), call.Float("epsilon", 1e-5f));

        Tensor Repeat(Tensor perGroup) => perGroup.Unsqueeze(1).Expand([groups, x.Shape[1] / groups]).Reshape(-1);
    }

    private static Tensor Grouped(Tensor x, int groups, Tensor scale, Tensor bias, float epsilon)
    {
        int[] perChannel = [x.Shape[1], .. WindowAttributes.Ones(x.Shape.Rank - 2)];
        return Rows(x.Reshape(x.Shape[0], groups, -1), epsilon).Reshape([.. x.Shape.Dims])
            .Multiply(scale.Reshape(perChannel)).Add(bias.Reshape(perChannel));
    }

    private static Tensor Rows(Tensor x, float epsilon) => x.LayerNorm(Vector(1, x.Shape[^1]), Vector(0, x.Shape[^1]), epsilon);

    /// <summary>One number over and over, made by an op, so that a graph knows that its size follows.</summary>
    private static Tensor Vector(float value, int size) => Constant(value).Expand([size]);

    private static Tensor?[] LayerNorm(OperatorCall call)
    {
        var (x, scale, bias, epsilon) = (call[0], call[1], call.Optional(2), call.Float("epsilon", 1e-5f));
        var axis = call.Axis(x.Shape.Rank, -1);
        var size = 1;
        foreach (var dim in x.Shape.Dims[axis..])
            size *= dim;
        var rows = x.Reshape(-1, size);
        var whole = Shape.Create(x.Shape.Dims[axis..]);
        var shift = bias is null ? Vector(0, size) : bias.Expand(whole).Reshape(size);
        var y = rows.LayerNorm(scale.Expand(whole).Reshape(size), shift, epsilon).Reshape([.. x.Shape.Dims]);
        if (call.Node.Outputs.Count == 1)
            return [y];
        var mean = rows.Mean().Unsqueeze(-1);
        var centered = rows.Subtract(mean);
        var deviation = centered.Multiply(centered).Mean().Unsqueeze(-1).Add(Constant(epsilon)).Sqrt();
        int[] shape = [.. x.Shape.Dims[..axis], .. WindowAttributes.Ones(x.Shape.Rank - axis)];
        return [y, mean.Reshape(shape), Apply(new Reciprocal(), deviation).Reshape(shape)];
    }

    private static Tensor RmsNorm(OperatorCall call)
    {
        var x = call[0];
        int[] axes = [.. Enumerable.Range(call.Axis(x.Shape.Rank, -1), x.Shape.Rank - call.Axis(x.Shape.Rank, -1))];
        var square = x.Multiply(x).Reduce(Reduction.Mean, axes).Add(Constant(call.Float("epsilon", 1e-5f)));
        return x.Divide(square.Sqrt()).Multiply(call[1]);
    }

    /// <summary>Krizhevsky et al. 2012: x divided by a power of the squares of neighbouring channels.</summary>
    private static Tensor LocalResponse(OperatorCall call)
    {
        var (x, size) = (call[0], ToInt(call.Int("size", 1)));
        var before = (size - 1) / 2;
        var sum = Apply(new SlidingSum(1, before, size - 1 - before), x.Multiply(x));
        var scale = sum.Multiply(Constant(call.Float("alpha", 1e-4f) / size)).Add(Constant(call.Float("bias", 1)));
        return x.Multiply(scale.Power(Constant(-call.Float("beta", 0.75f))));
    }

    private static Tensor MeanVariance(Tensor x, int[] axes)
    {
        var centered = x.Subtract(x.Reduce(Reduction.Mean, axes));
        return centered.Divide(centered.Multiply(centered).Reduce(Reduction.Mean, axes).Sqrt().Add(Constant(1e-9f)));
    }

    private static Tensor LpNorm(OperatorCall call, Tensor x)
    {
        var axis = call.Axis(x.Shape.Rank, -1);
        return call.Int("p", 2) == 1
            ? x.Divide(Apply(new Abs(), x).Reduce(Reduction.Sum, axis))
            : x.Divide(x.Multiply(x).Reduce(Reduction.Sum, axis).Sqrt());
    }
}
