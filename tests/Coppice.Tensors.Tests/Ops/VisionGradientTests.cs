using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

/// <summary>Gradients of the ops for images against central differences of <c>L = the sum of y * r</c>, r random.</summary>
[Trait("Category", "Kernels")]
public sealed class VisionGradientTests
{
    private const float Step = 1f / 64;

    private static readonly (Op Op, Shape[] Inputs)[] Cases =
    [
        (new Conv2d(1, 1), [[2, 3, 5, 4], [4, 3, 3, 3], [4]]),
        (new Conv2d(2, 1, 1, 2), [[1, 4, 6, 5], [4, 2, 3, 3]]),
        (new Conv2d(2, 1, 1, 3), [[2, 3, 5, 5], [3, 1, 3, 3], [3]]),
        (new BatchNorm(1e-5f), [[3, 2, 2, 3], [2], [2], [2], [2]]),
        (new BatchNorm(1e-5f), [[5, 3], [3], [3], [3], [3]]),
        (new BatchNormTraining(1e-5f), [[3, 2, 4, 5], [2], [2]]),
        (new BatchNormTraining(1e-5f), [[6, 3], [3], [3]]),
        (new MaxPool2d(2, 2), [[2, 2, 4, 6]]),
        (new MaxPool2d(3, 2, 1), [[1, 2, 5, 6]]),
        (new AvgPool2d(3, 2, 1), [[1, 2, 5, 6]]),
        (new AvgPool2d(1, 2), [[1, 2, 5, 6]]),
        (new AdaptiveAvgPool2d(1, 1), [[2, 3, 4, 5]]),
        (new AdaptiveAvgPool2d(3, 2), [[1, 2, 7, 5]]),
        (new Pad(1, 2, 1), [[2, 3, 4]]),
    ];

    public static TheoryData<int> Numbered => [.. Enumerable.Range(0, Cases.Length)];

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Backward_EachOp_MatchesDifferences(int number)
    {
        var (op, shapes) = Cases[number];
        // Evenly spread values, none within a step of another: a maximum must not change hands.
        var inputs = shapes.Select((shape, i) => Spread(shape, i)).ToArray();
        var outputs = Op.Apply(op, inputs);
        var weights = Numbers.Random(outputs[0].Shape, 9, 1);
        var gradients = op.Backward(inputs, outputs, [weights, .. new Tensor?[outputs.Length - 1]]);
        Assert.Equal(inputs.Length, gradients.Length);
        Assert.Null(op.NoGradient);
        var differentiable = op is BatchNorm ? 3 : inputs.Length;
        for (var i = 0; i < differentiable; i++)
        {
            Assert.Equal(inputs[i].Shape, gradients[i]!.Shape);
            Numbers.Close(Differences(op, inputs, i, weights), gradients[i]!.ToArray<float>(), 2e-2);
        }
    }

    private static double[] Differences(Op op, Tensor[] inputs, int input, Tensor weights)
    {
        var differences = new double[inputs[input].Count];
        for (var i = 0; i < differences.Length; i++)
            differences[i] = (Loss(i, Step) - Loss(i, -Step)) / (2 * Step);
        return differences;

        double Loss(int at, float step)
        {
            var value = inputs[input].AsReadOnlySpan<float>()[at];
            inputs[input].AsSpan<float>()[at] = value + step;
            var loss = Op.Apply(op, inputs)[0].ToArray<float>().Zip(weights.ToArray<float>(), (y, w) => (double)y * w).Sum();
            inputs[input].AsSpan<float>()[at] = value;
            return loss;
        }
    }

    private static Tensor Spread(Shape shape, int seed)
    {
        var values = Enumerable.Range(0, (int)shape.Count).Select(i => 0.5f + i * 0.05f).ToArray();
        new Random(seed + 1).Shuffle(values);
        return Tensor.From<float>(values, shape);
    }
}
