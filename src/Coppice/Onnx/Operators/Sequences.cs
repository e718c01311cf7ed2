using Coppice.Tensors;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Sequences of tensors and optional values.</summary>
internal static class Sequences
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["SequenceConstruct"] = call => [OnnxSequence.Of([.. call.All])],
        ["SequenceEmpty"] = _ => [OnnxSequence.Of()],
        ["SequenceAt"] = call => [Elements(call)[Place(call, 1, Elements(call).Count)]],
        ["SequenceInsert"] = Insert,
        ["SequenceErase"] = Erase,
        ["SequenceLength"] = call => [Tensor.From<long>([Elements(call).Count], [])],
        ["SequenceMap"] = Map,
        ["SplitToSequence"] = call => [Split(call)],
        ["ConcatFromSequence"] = call => [Concat(call)],
        ["Optional"] = call => [call.Optional(0) ?? OnnxSequence.Nothing()],
        ["OptionalGetElement"] = call => OnnxSequence.IsNothing(call[0])
            ? throw new NotSupportedException("the optional value holds nothing") : [call[0]],
        ["OptionalHasElement"] = call => [Tensor.From<bool>([call.Optional(0) is { } value && !OnnxSequence.IsNothing(value)], [])],
    };

    /// <summary>Whether an operator can do with a sequence: it is about them, or passes values on.</summary>
    public static bool Takes(NodeProto node) => node.OpType is "Identity" or "If" or "Loop" || Operators.ContainsKey(node.OpType!);

    private static IReadOnlyList<Tensor> Elements(OperatorCall call) => OnnxSequence.Find(call[0])
        ?? throw new NotSupportedException($"input 0 is {call[0]}, and a sequence is expected");

    /// <summary>The place that an input names, the last where it is left out; negative ones count from the end.</summary>
    private static int Place(OperatorCall call, int input, int count)
    {
        var place = call.Optional(input) is null ? count - 1 : call.Values(input)[0];
        return place >= -count && place < count ? (int)(place < 0 ? place + count : place)
            : throw new NotSupportedException($"there is no place {place} among {count}");
    }

    private static Tensor?[] Insert(OperatorCall call)
    {
        var elements = Elements(call).ToList();
        var isBehind = call.Optional(2) is null || call.Value(2) == elements.Count;
        elements.Insert(isBehind ? elements.Count : Place(call, 2, elements.Count), call[1]);
        return [OnnxSequence.Of(elements)];
    }

    private static Tensor?[] Erase(OperatorCall call)
    {
        var elements = Elements(call).ToList();
        elements.RemoveAt(Place(call, 1, elements.Count));
        return [OnnxSequence.Of(elements)];
    }

    /// <summary>The body for each element; other sequences have as many, and tensors are the same for all.</summary>
    private static Tensor?[] Map(OperatorCall call)
    {
        var results = call.Node.Outputs.Select(_ => new List<Tensor>()).ToList();
        foreach (var (turn, element) in Elements(call).Index())
        {
            var others = Enumerable.Range(1, call.Count - 1).Select(i => OnnxSequence.Find(call[i]) is { } sequence
                ? turn < sequence.Count ? sequence[turn] : throw new NotSupportedException($"input {i} has {sequence.Count} elements, input 0 more")
                : call[i]);
            foreach (var (output, tensor) in call.Run("body", [element, .. others]).Index())
                results[output].Add(tensor!);
        }
        return [.. results.Select(tensors => OnnxSequence.Of(tensors))];
    }

    private static Tensor Split(OperatorCall call)
    {
        var x = call[0];
        var axis = call.Axis(x.Shape.Rank, 0);
        var size = x.Shape[axis];
        var sizes = call.Optional(1) switch
        {
            null => [.. Enumerable.Repeat(1, size)],
            { Shape.Rank: 0 } => Chunks(size, ToInt(call.Value(1))),
            _ => call.Values(1).Select(ToInt).ToArray(),
        };
        if (sizes.Sum() != size)
            throw new NotSupportedException($"parts of {string.Join(", ", sizes)} are no {size} in all");
        var starts = sizes.Select((_, part) => sizes[..part].Sum());
        var parts = sizes.Zip(starts, (length, start) => x.Narrow(axis, start, length));
        return OnnxSequence.Of([.. call.Optional(1) is null && !call.Flag("keepdims", true) ? parts.Select(part => part.Squeeze(axis)) : parts]);
    }

    private static int[] Chunks(int size, int each) => each > 0
        ? [.. Enumerable.Range(0, (size + each - 1) / each).Select(part => Math.Min(each, size - part * each))]
        : throw new NotSupportedException($"parts of {each} are expected");

    private static Tensor Concat(OperatorCall call)
    {
        var elements = Elements(call);
        if (elements.Count == 0)
            throw new NotSupportedException("a sequence without elements has no shape");
        var stacks = call.Flag("new_axis");
        var axis = call.Axis(elements[0].Shape.Rank + (stacks ? 1 : 0), 0);
        return Tensor.Concat(axis, [.. stacks ? elements.Select(element => element.Unsqueeze(axis)) : elements]);
    }
}
