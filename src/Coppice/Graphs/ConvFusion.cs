using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Graphs;

/// <summary>A convolution and the ops after it that become one <see cref="FusedConv2d"/>.</summary>
internal sealed class ConvFusion
{
    private readonly Node _convolution;
    private Tensor _weight;
    private Tensor _bias;
    private Value? _addend;
    private (float Minimum, float Maximum)? _limits;

    private ConvFusion(Node convolution, Tensor weight, Tensor bias) =>
        (_convolution, _weight, _bias, Last) = (convolution, weight, bias, convolution);

    /// <summary>The last op of them.</summary>
    public Node Last { get; private set; }

    /// <summary>What it computes.</summary>
    public Value Output => Last.Outputs[0];

    /// <summary>A convolution with constant weights; null for other nodes.</summary>
    public static ConvFusion? TryStart(Node node, Func<Value, Value> copy)
    {
        if (node.Op is not Conv2d || ConstantsOf(node, 1, copy) is not { } weights)
            return null;
        return new(node, weights[0], weights.Count > 1 ? weights[1] : Tensor.Zeros([weights[0].Shape[0]]));
    }

    /// <summary>Takes the only reader of the output in, if it can be computed along with it: normalisation, then a sum, then limits.</summary>
    public bool TryAbsorb(Node reader, Func<Value, Value> copy)
    {
        var fits = _limits is null && reader.Op switch
        {
            BatchNorm norm => _addend is null && reader.Inputs[0] == Output && TryFold(norm, ConstantsOf(reader, 1, copy)),
            Add => _addend is null && TryAdd(reader),
            Relu => Limit(0, float.PositiveInfinity),
            Clip clip => clip.Minimum <= clip.Maximum && Limit(clip.Minimum, clip.Maximum),
            _ => false,
        };
        if (!fits && !InferenceRewriter.IsNothing(reader))
            return false;
        Last = reader;
        return true;
    }

    /// <summary>Adds the node to a graph.</summary>
    public Value Write(GraphBuilder builder, Func<Value, Value> copy)
    {
        List<Value> inputs = [copy(_convolution.Inputs[0]), builder.Constant(_weight), builder.Constant(_bias)];
        if (_addend is not null)
            inputs.Add(copy(_addend));
        var (minimum, maximum) = _limits ?? (float.NegativeInfinity, float.PositiveInfinity);
        return builder.Apply(new FusedConv2d((Conv2d)_convolution.Op, minimum, maximum), inputs, _convolution.Sizes, _convolution.Layer)[0];
    }

    private bool Limit(float minimum, float maximum)
    {
        _limits = (minimum, maximum);
        return true;
    }

    private bool TryAdd(Node sum)
    {
        var other = sum.Inputs[0] == Output ? sum.Inputs[1] : sum.Inputs[0];
        if (other is StoredValue || !other.Samples.SequenceEqual(Output.Samples))
            return false;
        _addend = other;
        return true;
    }

    /// <summary>weight[o] *= scale[o] and bias[o] = (bias[o] - mean[o]) scale[o] + shift[o], scale[o] = factor[o] / sqrt(variance[o] + epsilon).</summary>
    private bool TryFold(BatchNorm norm, List<Tensor>? statistics)
    {
        if (statistics is null)
            return false;
        var (factors, shifts) = (statistics[0].ToArray<float>(), statistics[1].ToArray<float>());
        var (means, variances) = (statistics[2].ToArray<float>(), statistics[3].ToArray<float>());
        var (weight, bias) = (_weight.ToArray<float>(), _bias.ToArray<float>());
        var depth = weight.Length / bias.Length;
        for (var output = 0; output < bias.Length; output++)
        {
            var scale = factors[output] / Math.Sqrt((double)variances[output] + norm.Epsilon);
            foreach (ref var value in weight.AsSpan(output * depth, depth))
                value = (float)(value * scale);
            bias[output] = (float)(((double)bias[output] - means[output]) * scale + shifts[output]);
        }
        (_weight, _bias) = (Tensor.From<float>(weight, _weight.Shape), Tensor.From<float>(bias, _bias.Shape));
        return true;
    }

    /// <summary>The tensors of a node's inputs from one on, or null where one is not constant.</summary>
    private static List<Tensor>? ConstantsOf(Node node, int first, Func<Value, Value> copy)
    {
        if (node.Inputs.Skip(first).Any(input => input is NodeValue or InputValue))
            return null;
        return [.. node.Inputs.Skip(first).Select(input => ((StoredValue)copy(input)).Tensor)];
    }
}
