using Coppice.Graphs;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

/// <summary>A linear layer or convolution over all channels, as what sums up its input: y = sum over c of weight(c) x(c).</summary>
/// <param name="Weight">Its weight.</param>
/// <param name="InputAxis">Axis of the channels in the input.</param>
/// <param name="WeightAxis">Axis of the channels in the weight.</param>
/// <param name="OutputAxis">Axis of the outputs in the weight.</param>
internal sealed record Consumer(ParameterValue Weight, int InputAxis, int WeightAxis, int OutputAxis)
{
    /// <summary>The node as a consumer; null where it is none, or a grouped convolution.</summary>
    public static Consumer? Of(Node node) => node.Inputs.Count < 2 || node.Inputs[1] is not ParameterValue weight ? null : node.Op switch
    {
        Linear { Layout: WeightLayout.OutIn } => new(weight, node.Inputs[0].SampleShape.Rank - 1, 1, 0),
        Linear => new(weight, node.Inputs[0].SampleShape.Rank - 1, 0, 1),
        Conv2d { Groups: 1 } => new(weight, 1, 1, 0),
        _ => null,
    };

    /// <summary>How many channels it reads.</summary>
    public int Channels => Weight.SampleShape[WeightAxis];
}
