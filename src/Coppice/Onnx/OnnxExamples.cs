using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>Makes inputs to run a model on where nobody gives any.</summary>
public static class OnnxExamples
{
    private const int Channels = 3, Side = 224, Length = 32, Turns = 2;

    /// <summary>
    /// An example of each input: floats are random within -1..1, everything else is 1. An axis that the file leaves open is as long as in
    /// the <paramref name="sizes"/> of another input where it has the same name; else, of an image (four axes of floats), the first is 1, the
    /// second 3 and the others 224; of anything else the first is 1 (2 where the model loops, so that what follows from turn to turn shows),
    /// the others 32; and axes of one name are as long as the first of them. The one size that is given for an input without axes is its value.
    /// </summary>
    /// <param name="module">The model.</param>
    /// <param name="sizes">Axis sizes of some inputs, by name; the name "" stands for the only input.</param>
    /// <param name="seed">Of the random values.</param>
    /// <exception cref="OnnxException">There is no such input, it has other sizes in the file, or its sizes must be given.</exception>
    public static IReadOnlyList<Tensor> Of(OnnxModule module, IReadOnlyDictionary<string, Shape>? sizes = null, long seed = 0)
    {
        sizes = Named(module, sizes ?? new Dictionary<string, Shape>());
        if (sizes.Keys.FirstOrDefault(name => module.Inputs.All(input => input.Name != name)) is { } unknown)
            throw new OnnxException(module.Path, $"there is no input '{unknown}'",
                $"It takes {string.Join(", ", module.Inputs)}; give sizes of these.");
        var random = new RandomSource(seed);
        var named = NamedSizes(module, sizes);
        return [.. module.Inputs.Select(input => Example(module,
            input, sizes.TryGetValue(input.Name, out var shape) ? shape : UsualShape(module, input, named), random))];
    }

    /// <summary>Sizes of images twice as high and wide, as far as the file and the caller leave them open; null where they leave none.</summary>
    /// <param name="module">The model.</param>
    /// <param name="sizes">Sizes that were given.</param>
    /// <param name="examples">Examples of its inputs.</param>
    internal static IReadOnlyDictionary<string, Shape>? Larger(OnnxModule module, IReadOnlyDictionary<string, Shape> sizes,
        IReadOnlyList<Tensor> examples)
    {
        if (sizes.Count > 0)
            return null;
        var larger = module.Inputs.Zip(examples).Where(entry => IsImage(entry.First) && entry.First.Dims!.Skip(2).Any(dim => dim.Value is not > 0))
            .ToDictionary(entry => entry.First.Name, entry => Shape.Create([.. entry.Second.Shape.Select((size, axis) =>
                axis < 2 || entry.First.Dims![axis].Value is > 0 ? size : 2 * size)]));
        return larger.Count > 0 ? larger : null;
    }

    private static bool IsImage(OnnxValue input) => input.Dims?.Count == 4 && input.DType?.IsFloatingPoint() == true;

    private static Dictionary<string, Shape> Named(OnnxModule module, IReadOnlyDictionary<string, Shape> sizes) => sizes.ToDictionary(
        entry => entry.Key.Length > 0 ? entry.Key : module.Inputs is [var only] ? only.Name
            : throw new OnnxException(module.Path, $"it takes {string.Join(", ", module.Inputs)}",
                $"Say whose sizes {entry.Value} are, on the command line as --input NAME=1x3x224x224."),
        entry => entry.Value);

    /// <summary>Lengths of named axes, as the given inputs have them.</summary>
    private static Dictionary<string, int> NamedSizes(OnnxModule module, IReadOnlyDictionary<string, Shape> sizes)
    {
        var named = new Dictionary<string, int>();
        foreach (var input in module.Inputs)
            if (sizes.TryGetValue(input.Name, out var shape))
            {
                Check(module, input, shape);
                foreach (var (axis, dim) in (input.Dims ?? []).Index())
                    if (dim.Param is { Length: > 0 } name)
                        named.TryAdd(name, shape[axis]);
            }
        return named;
    }

    private static void Check(OnnxModule module, OnnxValue input, Shape shape)
    {
        if (!IsValue(input, shape) && shape.Contains(0))
            throw new OnnxException(module.Path, $"input '{input.Name}' is {input}, and {shape} would have no entries",
                "Give sizes of 1 or more; 0 is a value, for inputs without axes.");
        var fits = input.Dims is null || IsValue(input, shape) || input.Dims.Count == shape.Rank
            && input.Dims.Index().All(entry => entry.Item.Value is not > 0 || entry.Item.Value == shape[entry.Index]);
        if (!fits)
            throw new OnnxException(module.Path, $"input '{input.Name}' is {input}, not {shape}",
                "Sizes that the file fixes can't be changed; give others for the named ones alone.");
    }

    private static bool IsValue(OnnxValue input, Shape given) => input.Dims is [] && given.Rank == 1;

    private static Shape UsualShape(OnnxModule module, OnnxValue input, Dictionary<string, int> named)
    {
        if (input.Dims is not { } dims)
            throw new OnnxException(module.Path, $"input '{input.Name}' does not say how many axes it has",
                $"Give its sizes, on the command line as --input {input.Name}=1x3x224x224.");
        if (dims.FirstOrDefault(dim => dim.Value > int.MaxValue) is { } huge)
            throw new OnnxException(module.Path, $"input '{input.Name}' has an axis of {huge}", "Export the model again with smaller sizes.");
        return Shape.Create([.. dims.Select((dim, axis) => dim.Value is > 0 and var size ? (int)size : Open(dim.Param, axis))]);

        int Open(string? name, int axis)
        {
            var usual = IsImage(input) ? axis switch { 0 => 1, 1 => Channels, _ => Side } : axis > 0 ? Length : Loops(module.Graph) ? Turns : 1;
            return string.IsNullOrEmpty(name) || named.TryAdd(name, usual) ? usual : named[name];
        }
    }

    private static bool Loops(GraphProto graph) =>
        graph.Nodes.Exists(node => node.OpType is "Loop" or "Scan" || node.Subgraphs().Any(Loops));

    private static Tensor Example(OnnxModule module, OnnxValue input, Shape shape, RandomSource random)
    {
        if (input.DType is not { } dtype)
            throw new OnnxException(module.Path, $"input '{input.Name}' has no element type that is supported", "Export the model again.");
        if (shape.Aggregate(1.0, (product, size) => product * size) > OnnxLimits.MadeElements)
            throw new OnnxException(module.Path, $"input '{input.Name}' of {shape} has more than {OnnxLimits.MadeElements:N0} elements",
                $"Give smaller sizes, on the command line as --input {input.Name}=1x3x224x224.");
        if (IsValue(input, shape))
            return Tensor.Full([], shape[0]).Cast(dtype);
        var example = Tensor.Full(shape, 1);
        if (dtype.IsFloatingPoint())
            foreach (ref var value in example.AsSpan<float>())
                value = 2 * random.NextSingle() - 1;
        return example.Cast(dtype);
    }
}
