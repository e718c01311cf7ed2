using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Bench;

/// <summary>Runs ONNX's own test models (Debian's libonnx-testdata) and compares outputs with theirs, at ONNX's own tolerances.</summary>
internal static class OnnxConformance
{
    private const double Relative = 1e-3, Absolute = 1e-7;

    /// <summary>Prints how many models pass, are refused as unsupported, or fail, and which; 1 where one fails.</summary>
    public static int Run(string folder)
    {
        var results = Directory.EnumerateFiles(folder, "model.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => (Name: Path.GetRelativePath(folder, Path.GetDirectoryName(path)!), Result: Test(path))).ToList();
        foreach (var (name, (kind, message)) in results.Where(result => result.Result.Kind != Kind.Passed))
            Console.WriteLine($"{kind}: {name}: {message}");
        var failed = results.Count(result => result.Result.Kind == Kind.Failed);
        Console.WriteLine($"{results.Count(result => result.Result.Kind == Kind.Passed)} passed, "
            + $"{results.Count(result => result.Result.Kind == Kind.Unsupported)} unsupported, {failed} failed of {results.Count}");
        return failed > 0 ? 1 : 0;
    }

    private enum Kind
    {
        Passed,
        Unsupported,
        Failed,
    }

    private static (Kind Kind, string Message) Test(string path)
    {
        try
        {
            using var scope = new TensorScope();
            using var file = OnnxFile.Open(path);
            var model = new OnnxModule(file);
            foreach (var set in Directory.EnumerateDirectories(Path.GetDirectoryName(path)!, "test_data_set_*"))
            {
                var inputs = Tensors(set, "input").Zip(model.Inputs, (tensor, input) => Retyped(tensor, input.DType));
                var outputs = model.Forward([.. inputs]);
                var expected = Tensors(set, "output");
                for (var i = 0; i < expected.Length; i++)
                    if (Difference(outputs[i], Retyped(expected[i], outputs[i].DType)) is { } difference)
                        return (Kind.Failed, $"output {i}: {difference}");
            }
            return (Kind.Passed, "");
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

    private static Tensor[] Tensors(string set, string kind) =>
    [
        .. Enumerable.Range(0, Directory.GetFiles(set, kind + "_*.pb").Length)
            .Select(i => OnnxFile.ReadTensor(Path.Combine(set, $"{kind}_{i}.pb"))),
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

    private static string? Difference(Tensor actual, Tensor expected)
    {
        if (actual.DType != expected.DType || actual.Shape != expected.Shape)
            return $"{actual} instead of {expected}";
        var (left, right) = (actual.Cast(DType.F64).ToArray<double>(), expected.Cast(DType.F64).ToArray<double>());
        for (var i = 0; i < left.Length; i++)
            if (!left[i].Equals(right[i]) && !(Math.Abs(left[i] - right[i]) <= Absolute + Relative * Math.Abs(right[i])))
                return $"{left[i]} at {i} instead of {right[i]}";
        return null;
    }
}
