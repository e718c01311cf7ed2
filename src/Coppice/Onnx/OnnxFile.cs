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

    /// <summary>Every file it is made of: itself, and those beside it that hold tensors.</summary>
    internal IReadOnlyList<string> Files => [Path, .. TensorWalk.Of(Model).Select(tensor => tensor.ExternalLocation).OfType<string>().Distinct()
        .Select(name => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!, name))];

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
    /// <param name="model">The model.</param>
    /// <param name="path">The new file.</param>
    /// <param name="overwrite">Whether files that are there may be replaced.</param>
    /// <exception cref="CheckpointException">The output or its <c>NAME.data</c> exists, or the folder does not.</exception>
    /// <exception cref="OnnxException">A tensor's elements can't be read, or the model passes 2 GB without its tensors.</exception>
    public static void Save(ModelProto model, string path, bool overwrite = false)
    {
        using var output = new AtomicOutput(path, overwrite);
        var external = Layout(model, path);
        using var data = external is null ? null : new AtomicOutput(DataPath(path), overwrite);
        if (data is not null)
            external!.Write(data.Temporary);
        using (var stream = new FileStream(output.Temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            ((IWireMessage)model).Write(new WireWriter(stream, external));
        data?.Commit();
        output.Commit();
    }

    /// <summary>Refuses an output that would replace this model, or a file that holds its tensors.</summary>
    /// <exception cref="CheckpointException">It would.</exception>
    internal void RefuseAsOutput(string path)
    {
        var own = Files.Select(Checkpoint.RealPath).ToHashSet();
        if (Checkpoint.RealPath(path) == Checkpoint.RealPath(Path))
            throw new CheckpointException(path, "the output is the input itself", "Choose another name.");
        foreach (var written in new[] { path, DataPath(path) })
            if (own.Contains(Checkpoint.RealPath(written)))
                throw new CheckpointException(path, $"{written} holds weights of the input {Path}", "Choose another name.");
    }

    /// <summary>Puts a model into its place once it was written elsewhere and found good.</summary>
    /// <param name="path">Its place.</param>
    /// <param name="overwrite">Whether files that are there may be replaced.</param>
    /// <param name="write">Writes it to the path it is given and looks at it; nothing appears where it throws.</param>
    /// <exception cref="CheckpointException">The output or its <c>NAME.data</c> exists, or the folder does not.</exception>
    internal static T Place<T>(string path, bool overwrite, Func<string, T> write)
    {
        using var place = new AtomicOutput(path, overwrite);
        Directory.CreateDirectory(place.Temporary);
        var written = System.IO.Path.Combine(place.Temporary, System.IO.Path.GetFileName(path));
        var result = write(written);
        using var data = File.Exists(DataPath(written)) ? new AtomicOutput(DataPath(path), overwrite) : null;
        if (data is not null)
            File.Move(DataPath(written), data.Temporary);
        data?.Commit();
        File.Move(written, System.IO.Path.GetFullPath(path), overwrite);
        return result;
    }

    /// <summary>Closes the files. Tensors not yet read can't be read any more.</summary>
    public void Dispose()
    {
        _external.Dispose();
        _file.Dispose();
    }

    /// <summary>The file beside a model for tensors that are kept outside of it.</summary>
    public static string DataPath(string path) => path + ".data";

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
        var layout = new ExternalLayout(System.IO.Path.GetFileName(DataPath(path)));
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
