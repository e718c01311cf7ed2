using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Losses of classes: x [N, C, ...] and the right classes [N, ...], perhaps weights [C].</summary>
internal static class Losses
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["NegativeLogLikelihoodLoss"] = call => call.InSingle(typed => [Likelihood(typed, typed[0])]),
        ["SoftmaxCrossEntropyLoss"] = call => call.InSingle(CrossEntropy),
    };

    private static Tensor?[] CrossEntropy(OperatorCall call)
    {
        var logs = Activations.OnLastAxis(call[0], 1, x => x.LogSoftmax());
        return [Likelihood(call, logs), logs];
    }

    private static Tensor Likelihood(OperatorCall call, Tensor logs)
    {
        var classes = call[1].Cast(DType.I64);
        var counted = call.Has("ignore_index")
            ? classes.Compare(Comparison.NotEqual, Tensor.From<long>([call.Int("ignore_index", 0)], []))
            : Tensor.From<bool>([true], []).Expand(classes.Shape);
        var safe = Tensor.Where(counted, classes, Tensor.From<long>([0], []));
        var chosen = Apply(new GatherElements(1), logs, safe.Unsqueeze(1)).Squeeze(1);
        var weights = call.Optional(2) is { } given ? given.Gather(safe) : Constant(1).Expand(classes.Shape);
        weights = Tensor.Where(counted, weights, Constant(0));
        var losses = Apply(new Negate(), chosen.Multiply(weights));
        return call.Text("reduction", "mean") switch
        {
            "none" => losses,
            "sum" => Total(losses),
            _ => Total(losses).Divide(Total(weights)),
        };
    }

    private static Tensor Total(Tensor x) => x.Reshape(-1).Sum();
}
