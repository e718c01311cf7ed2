using System.Diagnostics;
using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

namespace Coppice.Bench;

/// <summary>Removes half of every group of ONNX files, each by itself, and tells what came of it.</summary>
internal static class OnnxPruningTable
{
    public static int Run(IReadOnlyList<string> paths)
    {
        Console.WriteLine("| model | groups | weight axes free | parameters left | verified to | seconds |\n|---|---|---|---|---|---|");
        foreach (var path in paths)
        {
            var start = Stopwatch.GetTimestamp();
            var row = Halve(path);
            Console.WriteLine($"| {Path.GetFileNameWithoutExtension(path)} | {row} | {Stopwatch.GetElapsedTime(start).TotalSeconds:f1} |");
        }
        return 0;
    }

    private static string Halve(string path)
    {
        var folder = Directory.CreateTempSubdirectory("coppice-onnx-").FullName;
        try
        {
            var pruning = OnnxPruning.Open(WithWeights(path, Path.Combine(folder, "whole.onnx")));
            var dependencies = pruning.Dependencies;
            var axes = dependencies.Graph.Values.OfType<ParameterValue>().SelectMany(value => value.SampleShape).Count(size => size > 1);
            var pinned = dependencies.Pinned.Count(axis => axis.Size > 1);
            var found = $"{dependencies.Groups.Count} | {axes - pinned} of {axes}";
            if (dependencies.Groups.Count == 0)
                return $"{found} | | {dependencies.Pinned.MaxBy(axis => axis.Size)?.Reason} ";
            var removal = new Removal(dependencies);
            foreach (var group in dependencies.Groups)
                removal.Remove(group, Enumerable.Range(0, group.Size / 2).Select(i => 2 * i + 1));
            var (before, after) = (ModelCost.Of(dependencies.Graph), GroupPruning.CostAfter(dependencies, removal));
            try
            {
                var verification = pruning.Save(removal, Path.Combine(folder, "half.onnx"));
                return $"{found} | {(double)after.Parameters / before.Parameters:p0} | {verification.LargestDifference:g2}";
            }
            catch (VerificationException error)
            {
                return $"{found} | | {error.Message}";
            }
        }
        catch (Exception error) when (error is OnnxException or GraphException)
        {
            return $"| | | {error.Message}";
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The nets of ONNX's test data make their weights by ConstantOfShape, all equal; here they are random, so that mistakes show.</summary>
    private static string WithWeights(string path, string copy)
    {
        using var file = OnnxFile.Open(path);
        var graph = file.Model.Graph!;
        var random = new RandomSource(3);
        foreach (var node in graph.Nodes.ToList())
            if (node is { OpType: "ConstantOfShape", Inputs: [var sizes], Outputs: [var name] }
                && graph.Initializers.Find(tensor => tensor.Name == sizes) is { } shape
                && node.Attribute("value")?.Tensor is null or { DataType: TensorDataType.Float })
            {
                graph.Nodes.Remove(node);
                var weight = RandomWeight([.. shape.Source().ToTensor().ToArray<long>().Select(size => (int)size)], random);
                graph.Initializers.Add(TensorProto.From(TensorSource.From(name, weight)));
                graph.Inputs.Add(ValueInfoProto.From(name, TensorDataType.Float, weight.Shape.Select(size => new Dimension { Value = size })));
            }
        OnnxFile.Save(file.Model, copy);
        return copy;
    }

    /// <summary>Matrices and kernels that keep the scale of what goes through them; vectors around 1, as variances have to be.</summary>
    private static Tensor RandomWeight(int[] sizes, RandomSource random)
    {
        var weight = Tensor.Empty(Shape.Create(sizes));
        var inputs = sizes.Skip(1).Aggregate(1.0, (product, size) => product * size);
        var bound = (float)Math.Sqrt(6 / inputs);
        foreach (ref var value in weight.AsSpan<float>())
            value = sizes.Length > 1 ? bound * (2 * random.NextSingle() - 1) : 0.5f + random.NextSingle();
        return weight;
    }
}
