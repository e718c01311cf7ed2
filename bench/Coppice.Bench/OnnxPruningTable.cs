using System.Diagnostics;
using System.Numerics;
using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

namespace Coppice.Bench;

/// <summary>Removes half of every group of ONNX files, each by itself, and tells what came of it.</summary>
/// <remarks>Layers that are wider than half go to stderr with the reason. With COPPICE_KEEP=FOLDER the halved files stay there.</remarks>
internal static class OnnxPruningTable
{
    public static int Run(IReadOnlyList<string> paths)
    {
        Console.WriteLine(
            "| model | groups | weight axes free | layers halved | parameters left | MACs left | largest difference | seconds |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (var path in paths)
        {
            var (start, name) = (Stopwatch.GetTimestamp(), Path.GetFileNameWithoutExtension(path));
            var (row, left) = Halve(path);
            Console.WriteLine($"| {name} | {row} | {Stopwatch.GetElapsedTime(start).TotalSeconds:f1} |");
            foreach (var layer in left)
                Console.Error.WriteLine($"{name}: {layer}");
        }
        return 0;
    }

    /// <returns>A row of the table, and the layers that are wider than half, with the reason.</returns>
    private static (string Row, IReadOnlyList<string> Left) Halve(string path)
    {
        var folder = Directory.CreateTempSubdirectory("coppice-onnx-").FullName;
        var found = "|";
        try
        {
            var whole = WithWeights(path, Path.Combine(folder, "whole.onnx"));
            var pruning = OnnxPruning.Open(whole);
            var dependencies = pruning.Dependencies;
            var axes = dependencies.Graph.Values.OfType<ParameterValue>().SelectMany(value => value.SampleShape).Count(size => size > 1);
            var pinned = dependencies.Pinned.Count(axis => axis.Size > 1);
            found = $"{dependencies.Groups.Count} | {axes - pinned} of {axes}";
            var removal = new Removal(dependencies);
            foreach (var group in dependencies.Groups)
                removal.Remove(group, Half(group));
            var (before, after) = (ModelCost.Of(dependencies.Graph), GroupPruning.CostAfter(dependencies, removal));
            var half = Path.Combine(Environment.GetEnvironmentVariable("COPPICE_KEEP") ?? folder,
                $"{Path.GetFileNameWithoutExtension(path)}.half.onnx");
            var verification = pruning.Save(removal, half, overwrite: true);
            var (layers, left) = Compare(whole, half, dependencies);
            return ($"{found} | {layers - left.Count} of {layers} | {(double)after.Parameters / before.Parameters:p0} | "
                + $"{(double)after.Macs / before.Macs:p0} | {verification.LargestDifference:g2}", left);
        }
        catch (Exception error) when (error is OnnxException or GraphException or PruningException or VerificationException)
        {
            return ($"{found} | | | | {error.Message}", []);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// One of each pair of neighbours on the group's own axis, and a last one without a neighbour: half of both halves of the axis, and
    /// half of every second entry.
    /// </summary>
    private static IEnumerable<int> Half(PruningGroup group)
    {
        var width = group.Size + group.Fixed;
        var owners = group.Members.Select(member => member.OwnersOf(group)).FirstOrDefault(owners => owners.Length == width)
            ?? [.. Enumerable.Range(0, group.Size)];
        for (var i = 0; i < owners.Length && width > 1; i += 2)
        {
            var second = i + 1 == owners.Length ? i : i + 1;
            var (wanted, other) = BitOperations.PopCount((uint)i) % 2 == 1 ? (owners[i], owners[second]) : (owners[second], owners[i]);
            if ((wanted < 0 ? other : wanted) is >= 0 and var index)
                yield return index;
        }
    }

    /// <summary>How many layers there are besides the heads, and those wider than half.</summary>
    private static (int Layers, IReadOnlyList<string> Left) Compare(string whole, string half, DependencyGraph dependencies)
    {
        using var file = OnnxFile.Open(whole);
        using var smaller = OnnxFile.Open(half);
        var (before, after) = (Sizes(file), Sizes(smaller));
        var layers = OnnxLayer.Of(file.Model.Graph!).Where(layer => !layer.IsHead).ToList();
        var analysed = dependencies.Graph.Values.Select(value => value.Name).ToHashSet();
        var reasons = dependencies.Pinned.ToDictionary(axis => (axis.Tensor, axis.Axis), axis => axis.Reason);
        return (layers.Count, [.. layers.Where(layer => !layer.IsHalved(before, after)).Select(layer =>
            $"{layer.Node.OpType} {layer.Weight} [{string.Join(", ", before[layer.Weight])}] -> [{string.Join(", ", layer.LeftIn(after))}]: "
            + reasons.GetValueOrDefault((layer.Weight, layer.OutputAxis), analysed.Contains(layer.Weight)
                ? "part of its channels can't go" : "it is behind a choice by value"))]);
    }

    private static Dictionary<string, IReadOnlyList<long>> Sizes(OnnxFile file) => file.Model.Graph!.Initializers
        .DistinctBy(tensor => tensor.Name).ToDictionary(tensor => tensor.Name ?? "", tensor => tensor.Dims);

    /// <summary>The nets of ONNX's test data make their weights by ConstantOfShape, all equal; here they are random, so that mistakes show.</summary>
    public static string WithWeights(string path, string copy)
    {
        using var file = OnnxFile.Open(path);
        var graph = file.Model.Graph!;
        var random = new RandomSource(3);
        var count = graph.Nodes.Count;
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
        if (graph.Nodes.Count == count)
            return path;
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
