using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Bench;

/// <summary>Runs ONNX's own test models (Debian's libonnx-testdata) and compares outputs with theirs, at ONNX's own tolerances.</summary>
/// <remarks>
/// Where a model declares sizes that its own test inputs do not have, the declaration is dropped and the outputs are compared as always.
/// </remarks>
internal static class OnnxConformance
{
    private const double Relative = 1e-3, Absolute = 1e-7, UnitOfBFloat16 = 1.0 / 128;

    /// <summary>
    /// Models that expect floats to be cut off where they become BF16. Coppice rounds to the nearest, as ONNX Runtime and later versions of
    /// ONNX do (onnx/onnx issues 3876 and 5004); it may be one unit in the last place apart.
    /// </summary>
    private static readonly string[] CutOff =
        ["node/test_cast_FLOAT_to_BFLOAT16", "node/test_castlike_FLOAT_to_BFLOAT16", "node/test_castlike_FLOAT_to_BFLOAT16_expanded"];

    /// <summary>Operators whose expected outputs were drawn by another generator: types and shapes are compared.</summary>
    private static readonly string?[] Draws = ["Bernoulli", "RandomUniformLike"];

    /// <summary>Prints how many models pass, are refused as unsupported, or fail, and which do not pass; 1 where one fails.</summary>
    public static int Run(string folder)
    {
        var results = Directory.EnumerateFiles(folder, "model.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => (Name: Path.GetRelativePath(folder, Path.GetDirectoryName(path)!), Result: Test(path, folder))).ToList();
        foreach (var (name, (kind, message)) in results.Where(result => result.Result.Kind != Kind.Passed))
            Console.WriteLine($"{kind}: {name}: {message}");
        var failed = results.Count(result => result.Result.Kind == Kind.Failed);
        Console.WriteLine(string.Join(", ", Enum.GetValues<Kind>().Select(kind =>
            $"{results.Count(result => result.Result.Kind == kind)} {kind.ToString().ToLowerInvariant()}")) + $" of {results.Count}");
        return failed > 0 ? 1 : 0;
    }

    private enum Kind
    {
        Passed,
        Rounded,
        Drawn,
        Unsupported,
        Failed,
    }

    private static (Kind Kind, string Message) Test(string path, string folder)
    {
        var isCutOff = CutOff.Contains(Path.GetRelativePath(folder, Path.GetDirectoryName(path)!));
        try
        {
            using var scope = new TensorScope();
            using var file = OnnxFile.Open(path);
            var model = new OnnxModule(file);
            var isDrawn = file.Model.Graph!.Nodes.Exists(node => Draws.Contains(node.OpType));
            foreach (var set in Directory.EnumerateDirectories(Path.GetDirectoryName(path)!, "test_data_set_*"))
            {
                var given = Tensors(set, "input", Given(file.Model.Graph!));
                if (DropWrongSizes(file.Model.Graph!, given))
                    model = new OnnxModule(file);
                var outputs = model.Forward([.. given.Zip(model.Inputs, (tensor, input) => Retyped(tensor, input.DType))]);
                var expected = Tensors(set, "output", file.Model.Graph!.Outputs);
                for (var i = 0; i < expected.Length; i++)
                    if (isDrawn && outputs[i].DType == expected[i].DType && outputs[i].Shape == expected[i].Shape)
                        return (Kind.Drawn, "types and shapes agree; the expected draws are of another generator");
                    else if (DifferenceOfAny(outputs[i], expected[i], isCutOff ? UnitOfBFloat16 : Relative) is { } difference)
                        return (Kind.Failed, $"output {i}: {difference}");
            }
            return isCutOff ? (Kind.Rounded, "within one unit in the last place of BF16 of values that were cut off") : (Kind.Passed, "");
        }
        catch (OnnxException error) when (error.Message.Contains("not supported", StringComparison.Ordinal))
        {
            return (Kind.Unsupported, error.Message[(error.Path.Length + 2)..]);
        }
        catch (Exception error) when (error is OnnxException or ArgumentException)
        {
            return (Kind.Failed, error.Message);
        }
    }

    private static bool DropWrongSizes(GraphProto graph, Tensor[] given)
    {
        var any = false;
        foreach (var (input, tensor) in Given(graph).Zip(given))
            if (input.Type?.Tensor is { Shape: { } shape } type && (shape.Dims.Count != tensor.Shape.Rank
                || shape.Dims.Index().Any(dim => dim.Item.Value is > 0 && dim.Item.Value != tensor.Shape[dim.Index])))
                (type.Shape, any) = (null, true);
        return any;
    }

    /// <summary>The inputs that are not stored in the model.</summary>
    private static List<ValueInfoProto> Given(GraphProto graph)
    {
        var stored = graph.Initializers.Select(tensor => tensor.Name).ToHashSet();
        return [.. graph.Inputs.Where(input => !stored.Contains(input.Name))];
    }

    private static Tensor[] Tensors(string set, string kind, List<ValueInfoProto> values) =>
    [
        .. Enumerable.Range(0, Directory.GetFiles(set, kind + "_*.pb").Length)
            .Select(i => OnnxFile.ReadTensor(Path.Combine(set, $"{kind}_{i}.pb"), values[i].Type)),
    ];

    /// <summary>The test data stores BF16 as U16.</summary>
    private static Tensor Retyped(Tensor tensor, DType? dtype)
    {
        if (dtype != DType.BF16 || tensor.DType != DType.U16)
            return tensor;
        var same = Tensor.Empty(tensor.Shape, DType.BF16);
        var length = checked((int)tensor.Count * sizeof(ushort));
        tensor.ReadOnlyBytes(0, length).CopyTo(same.Bytes(0, length));
        return same;
    }

    /// <summary>Of tensors, or of sequences tensor by tensor.</summary>
    private static string? DifferenceOfAny(Tensor actual, Tensor expected, double relative)
    {
        if (OnnxSequence.IsNothing(expected))
            return OnnxSequence.IsNothing(actual) ? null : $"{actual} instead of nothing";
        if (OnnxSequence.Find(expected) is not { } tensors)
            return Difference(actual, Retyped(expected, actual.DType), relative);
        if (OnnxSequence.Find(actual) is not { } given || given.Count != tensors.Count)
            return $"no sequence of {tensors.Count}";
        return given.Zip(tensors, (a, b) => Difference(a, b, relative)).FirstOrDefault(difference => difference is not null);
    }

    private static string? Difference(Tensor actual, Tensor expected, double relative)
    {
        if (actual.DType != expected.DType || actual.Shape != expected.Shape)
            return $"{actual} instead of {expected}";
        var (left, right) = (actual.Cast(DType.F64).ToArray<double>(), expected.Cast(DType.F64).ToArray<double>());
        for (var i = 0; i < left.Length; i++)
            if (!left[i].Equals(right[i]) && !(Math.Abs(left[i] - right[i]) <= Absolute + relative * Math.Abs(right[i])))
                return $"{left[i]} at {i} instead of {right[i]}";
        return null;
    }
}
