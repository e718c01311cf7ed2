using Coppice.Checkpoints.PyTorch;
using Coppice.Checkpoints.SafeTensors;

namespace Coppice.Checkpoints.Writing;

/// <summary>Writes one file of weights in either format.</summary>
internal static class WeightFileWriter
{
    private static readonly Dictionary<string, string> NoMetadata = [];

    /// <summary>Writes a new file.</summary>
    public static void WriteNew(string path, IEnumerable<TensorSource> tensors, CheckpointFormat format, StreamingWriter stream)
    {
        if (format == CheckpointFormat.SafeTensors)
            SafeTensorsWriter.Write(path, tensors, NoMetadata, stream);
        else
            TorchWriter.Write(path, TorchWriter.Flat(tensors), new Dictionary<TensorSlot, TensorSource>(), stream);
    }

    /// <summary>Writes a copy of an opened file: same metadata, same structure around the tensors, as far as the format can hold
    /// it.</summary>
    public static void WriteCopy(
        string path, WeightFile file, IEnumerable<TensorSource> tensors, Replacements replaced, CheckpointFormat format,
        StreamingWriter stream)
    {
        if (format == CheckpointFormat.SafeTensors)
            SafeTensorsWriter.Write(path, tensors.Select(replaced.Of), file.Metadata, stream);
        else if (file.Structure is { } structure)
            TorchWriter.Write(path, structure.Root, file.Tensors.ToDictionary(tensor => structure.Slots[tensor.Name], replaced.Of), stream);
        else
            WriteNew(path, tensors.Select(replaced.Of), format, stream);
    }
}
