using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Checkpoints.SafeTensors;

namespace Coppice.Checkpoints.Writing;

/// <summary>Writes a copy of a folder: weights replaced, index rewritten, everything else carried over.</summary>
internal sealed class FolderWriter(
    HuggingFaceFolder folder, IReadOnlyList<WeightFile> files, Func<WeightFile, IEnumerable<TensorSource>> tensorsOf, Replacements replaced)
{
    /// <summary>Writes into a new folder at <paramref name="path"/>.</summary>
    public void Write(string path, SaveOptions options, StreamingWriter stream, CancellationToken cancellation)
    {
        var format = options.Format ?? files[0].Format;
        Directory.CreateDirectory(path);
        CopyOthers(folder.Path, path, isRoot: true, [], cancellation);
        foreach (var name in options.LeftOut)
            File.Delete(Path.Combine(path, name));
        foreach (var (name, bytes) in options.Beside)
            File.WriteAllBytes(Path.Combine(path, name), bytes);
        if (options.MaxShardBytes is { } limit)
            WriteShards(path, format, limit, stream);
        else
            WriteSameFiles(path, format, stream);
    }

    /// <summary>Each file becomes one file, under its own name where the format stays.</summary>
    private void WriteSameFiles(string path, CheckpointFormat format, StreamingWriter stream)
    {
        var shards = new List<(string Name, TensorSource[] Tensors)>();
        foreach (var file in files)
        {
            var name = OutputName(file, shards.Count + 1, format);
            WeightFileWriter.WriteCopy(Path.Combine(path, name), file, tensorsOf(file), replaced, format, stream);
            shards.Add((name, [.. tensorsOf(file).SelectMany(replaced.Of)]));
        }
        if (folder.IndexFile is not null)
            WriteIndex(path, format, shards);
    }

    private string OutputName(WeightFile file, int number, CheckpointFormat format)
    {
        if (format == file.Format)
            return Path.GetFileName(file.File.Path);
        return folder.IndexFile is null ? HuggingFaceFolder.StandardName(format) : HuggingFaceFolder.ShardName(format, number, files.Count);
    }

    private void WriteShards(string path, CheckpointFormat format, long limit, StreamingWriter stream)
    {
        if (limit <= 0)
            throw new ArgumentException($"MaxShardBytes is {limit}; it must be positive.");
        var shards = Partition(files.SelectMany(tensorsOf).SelectMany(replaced.Of), limit);
        var named = shards.Select((tensors, i) => (
            Name: shards.Count == 1 ? HuggingFaceFolder.StandardName(format) : HuggingFaceFolder.ShardName(format, i + 1, shards.Count),
            Tensors: tensors.ToArray())).ToList();
        foreach (var (name, tensors) in named)
            WeightFileWriter.WriteNew(Path.Combine(path, name), tensors, format, stream);
        if (named.Count > 1)
            WriteIndex(path, format, named);
    }

    /// <summary>Fills shards in order; the names of a tie stay together and count once.</summary>
    private static List<List<TensorSource>> Partition(IEnumerable<TensorSource> tensors, long limit)
    {
        var shards = new List<List<TensorSource>> { new() };
        long size = 0;
        foreach (var tie in tensors.GroupBy(tensor => tensor.Identity))
        {
            var bytes = tie.First().ByteLength;
            if (size > 0 && size + bytes > limit)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].AddRange(tie);
            size += bytes;
        }
        return shards;
    }

    private void WriteIndex(string path, CheckpointFormat format, List<(string Name, TensorSource[] Tensors)> shards)
    {
        var map = new JsonObject();
        foreach (var (shard, tensors) in shards)
            foreach (var tensor in format == CheckpointFormat.SafeTensors ? SafeTensorsWriter.SplitTies(tensors).Written : [.. tensors])
                map.Add(tensor.Name, shard);
        var metadata = (JsonObject)folder.IndexMetadata.DeepClone();
        metadata["total_size"] = shards.SelectMany(shard => shard.Tensors).DistinctBy(tensor => tensor.Identity)
            .Sum(tensor => tensor.ByteLength);
        using var stream = File.Create(Path.Combine(path, HuggingFaceFolder.IndexName(format)));
        using var json = new Utf8JsonWriter(stream, new() { Indented = true });
        new JsonObject { ["metadata"] = metadata, ["weight_map"] = map }.WriteTo(json);
    }

    /// <summary>Copies files and subfolders; links are followed, and a link back to a folder above is left out.</summary>
    private void CopyOthers(string source, string target, bool isRoot, HashSet<string> above, CancellationToken cancellation)
    {
        var real = new DirectoryInfo(source).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Path.GetFullPath(source);
        if (!above.Add(real))
            return;
        Directory.CreateDirectory(target);
        foreach (var entry in new DirectoryInfo(source).EnumerateFileSystemInfos())
        {
            cancellation.ThrowIfCancellationRequested();
            var copy = Path.Combine(target, entry.Name);
            if (Directory.Exists(entry.FullName))
                CopyOthers(entry.FullName, copy, isRoot: false, above, cancellation);
            else if (!isRoot || !folder.IsModelFile(entry.Name))
                File.Copy(entry.FullName, copy);
        }
        above.Remove(real);
    }
}
