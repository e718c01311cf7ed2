using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

/// <summary>A linear layer or convolution over all channels, as what sums up its input: y = sum over c of weight(c) x(c).</summary>
/// <param name="Weight">Its weight.</param>
/// <param name="Read">What it reads: the weight, or the weight with its axes moved, merged or split.</param>
/// <param name="InputAxis">Axis of the channels in the input.</param>
/// <param name="WeightAxis">Axis of the channels in what it reads.</param>
/// <param name="OutputAxis">Axis of the outputs in what it reads.</param>
internal sealed record Consumer(ParameterValue Weight, Value Read, int InputAxis, int WeightAxis, int OutputAxis)
{
    /// <summary>Of a grouped convolution, which has as many inputs and outputs in each, how many.</summary>
    public int Groups { get; private init; } = 1;

    /// <summary>The node as a consumer; null where it is none, or a convolution of single channels, which sums up nothing.</summary>
    public static Consumer? Of(Node node)
    {
        if (node.Inputs.Count < 2 || MovesTo(node.Inputs[1]) is not { } moves)
            return null;
        var read = node.Inputs[1];
        return (moves.Count > 0 ? moves[0].Inputs[0] : read) is not ParameterValue weight ? null : node.Op switch
        {
            Linear { Layout: WeightLayout.OutIn } or MatMul { TransposeB: true } when read.SampleShape.Rank == 2 =>
                new(weight, read, Last(), 1, 0),
            Linear or MatMul when read.SampleShape.Rank == 2 => new(weight, read, Last(), 0, 1),
            Conv2d conv when conv.Groups == 1 || read.SampleShape[1] > 1 => new(weight, read, 1, 1, 0) { Groups = conv.Groups },
            _ => null,
        };

        int Last() => node.Inputs[0].SampleShape.Rank - 1;
    }

    /// <summary>How many channels each group reads.</summary>
    public int Channels => Read.SampleShape[WeightAxis];

    /// <summary>Nodes that move the weight's axes, in their order.</summary>
    public IReadOnlyList<Node> Moves => MovesTo(Read)!;

    /// <summary>Axis of the channels in the weight itself; null where it was merged with others or split.</summary>
    public int? OwnAxis => Moves.Reverse().Aggregate((int?)WeightAxis, (axis, move) => axis is { } known ? Before(move, known) : null);

    /// <summary>Contents of the weight as the layer reads them.</summary>
    public Tensor Moved(Tensor weight) => Moves.Aggregate(weight, (x, move) => Permutation(move) is { } axes
        ? Op.ApplySingle(new Permute([.. axes]), x).Contiguous() : x.Reshape([.. move.Outputs[0].SampleShape]));

    /// <summary>The opposite: contents of the weight for what the layer shall read.</summary>
    public Tensor Unmoved(Tensor read) => Moves.Reverse().Aggregate(read, (x, move) => Permutation(move) is { } axes
        ? Op.ApplySingle(new Permute([.. Enumerable.Range(0, axes.Length).Select(axis => Array.IndexOf(axes, axis))]), x).Contiguous()
        : x.Reshape([.. move.Inputs[0].SampleShape]));

    /// <summary>Null where a value is neither stored nor a stored one with other axes.</summary>
    private static List<Node>? MovesTo(Value value)
    {
        var moves = new List<Node>();
        while (value is NodeValue { Producer: { } producer })
        {
            if (producer.Op is not (Transpose or Permute or Reshape or Squeeze or Unsqueeze or Contiguous))
                return null;
            moves.Insert(0, producer);
            value = producer.Inputs[0];
        }
        return moves;
    }

    /// <summary>The order that a node brings axes into; null where it merges or splits them.</summary>
    private static int[]? Permutation(Node move)
    {
        int[] axes = [.. Enumerable.Range(0, move.Inputs[0].SampleShape.Rank)];
        if (move.Op is Permute permute)
            return [.. permute.Axes];
        if (move.Op is not Transpose transpose)
            return null;
        (axes[transpose.Axis0], axes[transpose.Axis1]) = (transpose.Axis1, transpose.Axis0);
        return axes;
    }

    /// <summary>The axis of a node's input that is the whole of one of its output's.</summary>
    private static int? Before(Node move, int axis)
    {
        if (Permutation(move) is { } axes)
            return axes[axis];
        var (from, to) = (move.Inputs[0].SampleShape, move.Outputs[0].SampleShape);
        return Enumerable.Range(0, from.Rank).Cast<int?>()
            .FirstOrDefault(own => from[own!.Value] == to[axis] && Outer(from, own.Value) == Outer(to, axis));

        static long Outer(Shape shape, int axis) => shape.Take(axis).Aggregate(1L, (product, size) => product * size);
    }
}
