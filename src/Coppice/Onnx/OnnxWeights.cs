using System.Diagnostics.CodeAnalysis;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>The weights of an ONNX file as a checkpoint's: its initializers, and the tensors of floats that Constant nodes hold.</summary>
/// <remarks>Tensors stay in the file until they are read. Those of the bodies of If and Loop are not among them.</remarks>
public sealed class OnnxWeights : IWeightStore
{
    private readonly OnnxFile _file;
    private readonly OrderedDictionary<string, TensorSource> _tensors = [];

    private OnnxWeights(OnnxFile file)
    {
        _file = file;
        foreach (var (name, tensor) in TensorsOf(file.Model.Graph!))
            if (!_tensors.TryAdd(name, Named(name, tensor.Source())))
                throw new OnnxException(file.Path, $"there are two tensors '{name}'", "Export the model again.");
    }

    /// <inheritdoc/>
    public string Path => _file.Path;

    /// <inheritdoc/>
    public string FormatName => "onnx";

    /// <summary>The computation that reads the weights.</summary>
    public GraphProto Graph => _file.Model.Graph!;

    /// <inheritdoc/>
    public IReadOnlyList<string> WeightFiles => _file.Files;

    /// <inheritdoc/>
    public IReadOnlyList<TensorSource> Tensors => _tensors.Values;

    /// <inheritdoc/>
    public TensorSource this[string name] => _tensors.TryGetValue(name, out var tensor)
        ? tensor
        : throw new KeyNotFoundException($"{Path} has no tensor '{name}'. Run 'coppice inspect' on it to see the names.");

    /// <summary>Opens a file. Only its structure is read.</summary>
    /// <exception cref="OnnxException">It can't be read, or a tensor's elements are not supported.</exception>
    public static OnnxWeights Open(string path)
    {
        var file = OnnxFile.Open(path);
        try
        {
            return new(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Save(string path, IEnumerable<TensorSource>? replacements = null, SaveOptions? options = null,
        CancellationToken cancellation = default)
    {
        options ??= new();
        _file.RefuseAsOutput(path);
        if (options.Format is not null || options.MaxShardBytes is not null)
            throw new CheckpointException(path, "an ONNX model is written as ONNX, in one piece", "Leave format and shards out.");
        using var copy = OnnxFile.Open(Path);
        var tensors = TensorsOf(copy.Model.Graph!).ToDictionary(entry => entry.Name, entry => entry.Tensor);
        foreach (var replacement in replacements ?? [])
            if (tensors.TryGetValue(replacement.Name, out var tensor))
                tensor.SetData(replacement);
            else
                throw new ArgumentException($"{Path} has no tensor '{replacement.Name}' to replace.", nameof(replacements));
        cancellation.ThrowIfCancellationRequested();
        OnnxFile.Save(copy.Model, path, options.Overwrite);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>The constant that a node is, by the name of its output; null for other nodes.</summary>
    internal static bool IsConstant(NodeProto node, [NotNullWhen(true)] out TensorProto? tensor)
    {
        tensor = node is { OpType: "Constant", Outputs: [_] } ? node.Attribute("value")?.Tensor : null;
        return tensor is not null;
    }

    private static IEnumerable<(string Name, TensorProto Tensor)> TensorsOf(GraphProto graph)
    {
        foreach (var initializer in graph.Initializers)
            yield return (initializer.Name ?? "", initializer);
        foreach (var node in graph.Nodes)
            if (IsConstant(node, out var tensor) && tensor.Dims.Count > 0 && tensor.DataType is { } type
                && type.TryToDType(out var dtype) && dtype.IsFloatingPoint())
                yield return (node.Outputs[0], tensor);
    }

    private static TensorSource Named(string name, TensorSource source) => source.Name == name ? source : new NamedTensor(name, source);
}
