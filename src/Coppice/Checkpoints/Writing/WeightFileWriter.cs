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
            TorchWriter.Write(path, TorchWriter.Flat(tensors), new Dictionary<TensorSlot, IReadOnlyList<SlotTensor>>(), stream);
    }

    /// <summary>Writes a copy of an opened file: same metadata, same structure around the tensors, as far as the format can hold
    /// it.</summary>
    public static void WriteCopy(
        string path, WeightFile file, IEnumerable<TensorSource> tensors, Replacements replaced, CheckpointFormat format,
        StreamingWriter stream)
    {
        if (format == CheckpointFormat.SafeTensors)
            SafeTensorsWriter.Write(path, tensors.SelectMany(replaced.Of), file.Metadata, stream);
        else if (file.Structure is { } structure)
            TorchWriter.Write(path, structure.Root, file.Tensors.ToDictionary(tensor => structure.Slots[tensor.Name],
                tensor => InSlot(tensor, structure.Slots[tensor.Name], replaced)), stream);
        else
            WriteNew(path, tensors.SelectMany(replaced.Of), format, stream);
    }

    /// <summary>Replacements by their keys in the dict that held the tensor: their names without the path of that dict.</summary>
    private static IReadOnlyList<SlotTensor> InSlot(TensorSource tensor, TensorSlot slot, Replacements replaced)
    {
        var path = tensor.Name[..^slot.Key.Length];
        return [.. replaced.Of(tensor).Select(source => source.Name.StartsWith(path, StringComparison.Ordinal)
            ? new SlotTensor(source.Name[path.Length..], source)
            : throw new ArgumentException($"'{source.Name}' can't take the place of '{tensor.Name}': its name must begin with '{path}'."))];
    }
}
