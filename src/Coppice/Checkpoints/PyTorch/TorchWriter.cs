using Coppice.Checkpoints.Writing;

namespace Coppice.Checkpoints.PyTorch;

/// <summary>Writes a file that <c>torch.load</c> reads: a zip archive of a pickle and one entry for each storage.</summary>
internal static class TorchWriter
{
    /// <summary>Writes a new file at <paramref name="path"/>.</summary>
    /// <param name="path">A file that does not exist yet.</param>
    /// <param name="root">What to pickle: <see cref="Flat"/>, or the object a file was opened with.</param>
    /// <param name="replacements">Tensors to write instead of those pickled in some places.</param>
    /// <param name="stream">Copies the elements.</param>
    public static void Write(string path, object? root, IReadOnlyDictionary<TensorSlot, IReadOnlyList<SlotTensor>> replacements,
        StreamingWriter stream)
    {
        var pickle = new PickleWriter(path, replacements);
        (string Name, byte[] Bytes)[] small = [("data.pkl", pickle.Write(root)), ("byteorder", "little"u8.ToArray()),
            ("version", "3\n"u8.ToArray())];
        var layout = new ZipLayout();
        var offsets = small.Select(entry => layout.Add("archive/" + entry.Name, entry.Bytes.Length)).ToArray();
        var storages = pickle.Storages.Select((storage, key) => new Placement(storage,
            layout.Add($"archive/data/{key}", storage.ByteLength))).ToArray();
        var crcs = new uint[small.Length + storages.Length];
        using var file = StreamingWriter.Create(path, layout.End + layout.CentralDirectory(crcs).Length);
        for (var i = 0; i < small.Length; i++)
        {
            RandomAccess.Write(file, small[i].Bytes, offsets[i]);
            crcs[i] = Crc32.Of(small[i].Bytes);
        }
        stream.Write(file, storages, checksums: true).CopyTo(crcs, small.Length);
        for (var i = 0; i < crcs.Length; i++)
        {
            var (offset, header) = layout.LocalHeader(i, crcs[i]);
            RandomAccess.Write(file, header, offset);
        }
        RandomAccess.Write(file, layout.CentralDirectory(crcs), layout.End);
    }

    /// <summary>An OrderedDict of tensors by name.</summary>
    public static PickleDict Flat(IEnumerable<TensorSource> tensors)
    {
        var dict = new PickleDict(isOrdered: true);
        foreach (var tensor in tensors)
            dict.Items.Add(tensor.Name, tensor);
        return dict;
    }
}
