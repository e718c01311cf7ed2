using System.Buffers.Binary;
using System.Numerics;
using Coppice.Tensors;

namespace Coppice.Checkpoints.PyTorch;

/// <summary>Opens what <c>torch.save</c> writes: the zip archive of PyTorch 1.6 and later, or the stream of pickles before.</summary>
internal static class TorchFile
{
    /// <summary>Most bytes of a pickle; tensors' elements lie outside it.</summary>
    public const int MaxPickleBytes = 256 << 20;

    private static readonly BigInteger LegacyMagic = BigInteger.Parse("119547037146038801333356");

    public static WeightFile OpenZip(MappedFile file)
    {
        var zip = ZipDirectory.Open(file);
        var pickles = zip.Names.Where(name => name == "data.pkl" || name.EndsWith("/data.pkl", StringComparison.Ordinal)).ToList();
        if (pickles is not [var pickle])
            throw new CheckpointException(file.Path,
                $"the zip archive holds {pickles.Count} pickles named data.pkl; a PyTorch checkpoint has one",
                "Give a file that torch.save wrote.");
        var root = pickle[..^"data.pkl".Length];
        CheckArchive(file.Path, zip, root);
        var content = zip.Content(pickle);
        if (content.Length > MaxPickleBytes)
            throw new CheckpointException(file.Path, $"the pickle takes {content.Length} bytes, over the limit of {MaxPickleBytes}",
                "Save the state dict alone.");
        var calls = new TorchCalls(file.Path);
        var value = PickleMachine.Load(file.Path, content.Slice(0, (int)content.Length), calls, out _);
        foreach (var storage in calls.Storages.Values)
            Attach(file.Path, storage, zip.Content($"{root}data/{storage.Key}"));
        return StateDict.ToWeightFile(file, value);
    }

    /// <summary>Whether the file begins with a pickle of protocol 1 to 5.</summary>
    public static bool BeginsWithPickle(ReadOnlySpan<byte> start) => start.Length > 1 && start[0] == 0x80 && start[1] <= 5;

    public static WeightFile OpenLegacy(MappedFile file)
    {
        long at = 0;
        var calls = new TorchCalls(file.Path);
        if (Next(file, ref at, calls) is not BigInteger magic || magic != LegacyMagic)
            throw new CheckpointException(file.Path, "this is a pickle, but none that torch.save wrote",
                "Save the state dict with torch.save.");
        if (Next(file, ref at, calls) is not 1001L)
            throw new CheckpointException(file.Path, "this is an unknown version of the legacy format",
                "Save it again with a newer PyTorch.");
        if (Next(file, ref at, calls) is PickleDict system && system.Items.TryGetValue("little_endian", out var little) && little is false)
            throw BigEndian(file.Path);
        var value = Next(file, ref at, calls);
        if (Next(file, ref at, calls) is not PickleList keys)
            throw new CheckpointException(file.Path, "the list of storages is missing", "Download or save the file again.");
        foreach (var key in keys.Items)
            ReadStorage(file, ref at, key as string, calls);
        if (calls.Storages.Values.FirstOrDefault(storage => storage.Bytes is null) is { } missing)
            throw new CheckpointException(file.Path, $"storage '{missing.Key}' is missing from the file",
                "Download or save the file again.");
        return StateDict.ToWeightFile(file, value);
    }

    private static object? Next(MappedFile file, ref long at, TorchCalls calls)
    {
        var bytes = file.Slice(at, (int)Math.Min(MaxPickleBytes, file.Length - at));
        var value = PickleMachine.Load(file.Path, bytes, calls, out var length);
        at += length;
        return value;
    }

    private static void ReadStorage(MappedFile file, ref long at, string? key, TorchCalls calls)
    {
        if (key is null || !calls.Storages.TryGetValue(key, out var storage))
            throw new CheckpointException(file.Path, $"the file lists storage '{key}', which no tensor uses",
                "Download or save the file again.");
        if (file.Length - at < 8 || BinaryPrimitives.ReadInt64LittleEndian(file.Slice(at, 8)) != storage.Count)
            throw new CheckpointException(file.Path,
                $"storage '{key}' at byte {at} does not begin with its {storage.Count} elements' count",
                "Download or save the file again.");
        var length = Math.Min(storage.Count * storage.DType.ByteSize(), file.Length - at - 8);
        Attach(file.Path, storage, new MappedBlock(file, at + 8, length));
        at += 8 + length;
    }

    private static void Attach(string path, TorchStorage storage, ByteBlock bytes)
    {
        var needed = storage.Count * storage.DType.ByteSize();
        if (bytes.Length < needed)
            throw new CheckpointException(path,
                $"storage '{storage.Key}' has {bytes.Length} bytes, but {storage.Count} elements of {storage.DType} need {needed}",
                "Download or save the file again.");
        storage.Bytes = bytes;
    }

    private static void CheckArchive(string path, ZipDirectory zip, string root)
    {
        if (zip.Names.Contains(root + "constants.pkl"))
            throw new CheckpointException(path, "this is a TorchScript archive, a program with weights",
                "Load it in Python and save its state_dict() with torch.save.");
        if (!zip.Names.Contains(root + "byteorder"))
            return;
        var order = zip.Content(root + "byteorder");
        if (!order.Slice(0, (int)Math.Min(order.Length, 8)).SequenceEqual("little"u8))
            throw BigEndian(path);
    }

    private static CheckpointException BigEndian(string path) =>
        new(path, "the tensors are stored in big-endian order", "Load and save the file on a little-endian machine.");
}
