using Coppice.Checkpoints;
using Coppice.Onnx.Wire;
using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>An opened ONNX file. Tensors are read from it as long as it is not disposed.</summary>
/// <remarks>
/// A model that is read and saved unchanged gives the same bytes, where it was written with fields in order, as protobuf does. Functions of its
/// own are put in place of the nodes that call them, and nodes behind those whose outputs they read.
/// </remarks>
public sealed class OnnxFile : IDisposable
{
    private const string Remedy = "Export the model again with torch.onnx.export or another exporter, opset 7 to 21.";

    private readonly MappedFile _file;
    private readonly ExternalFiles _external;

    private OnnxFile(MappedFile file, ExternalFiles external, ModelProto model) => (_file, _external, Model) = (file, external, model);

    /// <summary>The path it was opened by.</summary>
    public string Path => _file.Path;

    /// <summary>What it holds.</summary>
    public ModelProto Model { get; }

    /// <summary>Opens a model: structure now, tensors when they are asked for.</summary>
    /// <exception cref="OnnxException">The file is missing, damaged, no ONNX model, or of an IR version other than 3 to 10.</exception>
    public static OnnxFile Open(string path)
    {
        var external = new ExternalFiles(path);
        var file = Map(path);
        try
        {
            var model = WireReader.ReadFile<ModelProto>(file, external);
            Check(path, model);
            FunctionInlining.Apply(model, path);
            NodeOrder.Sort(model.Graph!, path);
            return new(file, external, model);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads a file that holds one value, as ONNX's test data does.</summary>
    /// <param name="path">The file.</param>
    /// <param name="type">The value's type; null for a tensor. For a sequence or optional value the result stands for it
    /// (<see cref="OnnxSequence"/>).</param>
    /// <exception cref="OnnxException">The file is missing, damaged, or its elements are not supported.</exception>
    public static Tensor ReadTensor(string path, TypeProto? type = null)
    {
        using var file = Map(path);
        using var external = new ExternalFiles(path);
        if (type is { IsSequence: true })
            return WireReader.ReadFile<SequenceProto>(file, external).ToSequence();
        return type is { IsOptional: true } ? WireReader.ReadFile<SequenceProto>(file, external).ToOptional()
            : WireReader.ReadFile<TensorProto>(file, external).Source().ToTensor();
    }

    /// <summary>Writes a model; the file appears whole or not at all.</summary>
    /// <remarks>
    /// Tensors that were kept in files beside the model, and all large ones where it would pass protobuf's 2 GB, go into one file
    /// <c>NAME.data</c> beside it.
    /// </remarks>
    /// <exception cref="CheckpointException">The output exists, or its folder does not.</exception>
    /// <exception cref="OnnxException">A tensor's elements can't be read, or the model passes 2 GB without its tensors.</exception>
    public static void Save(ModelProto model, string path, bool overwrite = false)
    {
        using var output = new AtomicOutput(path, overwrite);
        using var data = new AtomicOutput(path + ".data", overwrite: true);
        var external = Layout(model, path);
        if (external is not null)
            external.Write(data.Temporary);
        using (var stream = new FileStream(output.Temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            ((IWireMessage)model).Write(new WireWriter(stream, external));
        if (external is not null)
            data.Commit();
        output.Commit();
    }

    /// <summary>Puts a model into its place once it was written elsewhere and found good.</summary>
    /// <param name="path">Its place.</param>
    /// <param name="overwrite">Whether a file that is there may be replaced.</param>
    /// <param name="write">Writes it to the path it is given and looks at it; nothing appears where it throws.</param>
    /// <exception cref="CheckpointException">The output exists, or its folder does not.</exception>
    internal static T Place<T>(string path, bool overwrite, Func<string, T> write)
    {
        using var place = new AtomicOutput(path, overwrite);
        Directory.CreateDirectory(place.Temporary);
        var (name, target) = (System.IO.Path.GetFileName(path), System.IO.Path.GetFullPath(path));
        var written = System.IO.Path.Combine(place.Temporary, name);
        var result = write(written);
        if (File.Exists(written + ".data"))
            File.Move(written + ".data", target + ".data", overwrite: true);
        File.Move(written, target, overwrite);
        return result;
    }

    /// <summary>Closes the files. Tensors not yet read can't be read any more.</summary>
    public void Dispose()
    {
        _external.Dispose();
        _file.Dispose();
    }

    private static MappedFile Map(string path)
    {
        try
        {
            return new MappedFile(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OnnxException(path, $"the file can't be read: {error.Message.TrimEnd('.')}", "Check the path.", error);
        }
    }

    private static void Check(string path, ModelProto model)
    {
        if (model.Graph is null)
            throw new OnnxException(path, "the file holds no graph", Remedy);
        if (model.IrVersion is not (>= OnnxLimits.FirstIrVersion and <= OnnxLimits.LastIrVersion))
            throw new OnnxException(path, $"IR version {model.IrVersion} is not one of {OnnxLimits.FirstIrVersion} to "
                + $"{OnnxLimits.LastIrVersion}", Remedy);
    }

    private static ExternalLayout? Layout(ModelProto model, string path)
    {
        const int smallest = 1024;
        var layout = new ExternalLayout(System.IO.Path.GetFileName(path) + ".data");
        var tensors = TensorWalk.Of(model).ToList();
        foreach (var tensor in tensors.Where(tensor => tensor.IsExternal))
            layout.Add(tensor);
        if (new WireWriter(null, layout).Measure(model) <= OnnxLimits.MessageBytes)
            return layout.IsEmpty ? null : layout;
        foreach (var tensor in tensors.Where(tensor => tensor.DataType != TensorDataType.String))
            if (tensor.Source().ByteLength >= smallest)
                layout.Add(tensor);
        return new WireWriter(null, layout).Measure(model) <= OnnxLimits.MessageBytes
            ? layout
            : throw new OnnxException(path, $"the model passes protobuf's {OnnxLimits.MessageBytes} bytes even without its tensors",
                "Save it as safetensors.");
    }
}
