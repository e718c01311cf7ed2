using Coppice.Models.Vision;
using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>An ONNX model that sorts images into classes, to be measured, trained and pruned like any other; its parameters are the
/// <see cref="OnnxModule"/>'s, under their names in the file.</summary>
/// <remarks>
/// Images in batches of any size, channels first, whatever the file takes. Logits are what a last Softmax reads, where there is one. Not
/// trained are single numbers and the running statistics of batch normalisation, which stay as the file has them.
/// </remarks>
public sealed class OnnxImageClassifier : ImageClassifier
{
    private const int UsualSide = 224;

    private readonly OnnxModule _model;
    private readonly int?[] _dims;
    private readonly string? _logits;

    /// <summary>Wraps a model.</summary>
    /// <exception cref="OnnxException">Its only input is no batch of images, or its first output no classes.</exception>
    public OnnxImageClassifier(OnnxModule model)
    {
        _model = model;
        _dims = model.Inputs is [{ DType: DType.F32, Dims: { Count: 4 } dims }]
            ? [.. dims.Select(dim => dim.Value is > 0 ? (int?)dim.Value : null)]
            : throw new OnnxException(model.Path, $"it takes {string.Join(", ", model.Inputs)}, which is not one batch of images",
                "Give a classifier with one input F32 [batch, channels, height, width] or [batch, height, width, channels].");
        IsChannelsLast = _dims[3] is 1 or 3 && _dims[1] is not (1 or 3);
        _logits = SoftmaxInput(model.Graph);
        var frozen = model.Graph.Nodes.Where(node => node.OpType == "BatchNormalization")
            .SelectMany(node => node.Inputs.Skip(3)).ToHashSet();
        foreach (var (name, parameter) in model.Parameters)
            Register(name, parameter).RequiresGradient = parameter.Shape.Count > 1 && !frozen.Contains(name);
        foreach (var (name, buffer) in model.Buffers)
            RegisterBuffer(name, buffer);
        Labels = CountLabels();
    }

    /// <inheritdoc/>
    public override int Labels { get; }

    /// <summary>Whether the file takes [batch, height, width, channels].</summary>
    public bool IsChannelsLast { get; }

    /// <summary>Channels of an image; null where the file leaves them open.</summary>
    public int? Channels => _dims[IsChannelsLast ? 3 : 1];

    /// <summary>Rows of an image; null where the file leaves them open.</summary>
    public int? Height => _dims[IsChannelsLast ? 1 : 2];

    /// <summary>Columns of an image; null where the file leaves them open.</summary>
    public int? Width => _dims[IsChannelsLast ? 2 : 3];

    /// <summary>As many images of zeros as the model takes at a time, of usual sizes where it leaves them open: [batch, channels, height, width].
    /// </summary>
    public Tensor BlankImages() => Tensor.Zeros([_dims[0] ?? 1, Channels ?? 3, Height ?? UsualSide, Width ?? UsualSide]);

    /// <summary>Images [batch, channels, height, width] in the order of axes that the file takes.</summary>
    public Tensor ToInput(Tensor images) => IsChannelsLast ? images.Permute(0, 2, 3, 1) : images;

    /// <summary>Refuses images of other sizes than the model takes.</summary>
    /// <exception cref="OnnxException">They are.</exception>
    public void CheckImages(int channels, int height, int width)
    {
        if ((Channels ?? channels, Height ?? height, Width ?? width) != (channels, height, width))
            throw new OnnxException(_model.Path, $"the images are {channels} x {height} x {width}; it takes {Channels?.ToString() ?? "any"} x "
                + $"{Height?.ToString() ?? "any"} x {Width?.ToString() ?? "any"}", "Give the data it was trained for.");
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input)
    {
        var images = ToInput(input);
        var count = images.Shape[0];
        if (_dims[0] is not { } batch || batch == count)
            return Logits(images);                                                   // [B, classes]
        if (count % batch != 0)
            throw new OnnxException(_model.Path, $"it takes {batch} images at a time, and {count} are no multiple of that",
                "Export it with a batch of one, or of any size.");
        return Tensor.Concat(0, [.. Enumerable.Range(0, count / batch).Select(i => Logits(images.Narrow(0, i * batch, batch)))]);
    }

    private Tensor Logits(Tensor images)
    {
        Tensor? logits = null;
        var outputs = _model.Forward([images], (name, tensor) => logits = name == _logits ? tensor : logits);
        return (logits ?? outputs[0]).Reshape(images.Shape[0], -1);
    }

    private static string? SoftmaxInput(GraphProto graph)
    {
        var last = graph.Nodes.Find(node => node.Outputs.Contains(graph.Outputs[0].Name ?? ""));
        return last is { OpType: "Softmax" } ? last.Inputs[0] : null;
    }

    private int CountLabels()
    {
        using var scope = new TensorScope();
        var logits = Compute(BlankImages());
        return logits.Shape[1] > 1 ? logits.Shape[1]
            : throw new OnnxException(_model.Path, $"output '{_model.Outputs[0].Name}' is no row of classes", "Give a classifier.");
    }
}
