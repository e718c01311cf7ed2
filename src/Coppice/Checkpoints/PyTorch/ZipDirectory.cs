using System.Buffers.Binary;
using System.Text;
using Coppice.Tensors;

namespace Coppice.Checkpoints.PyTorch;

/// <summary>The entries of a zip archive (PKWARE APPNOTE 6.3), read from a mapped file; zip64 included. Nothing is ever extracted to
/// disk.</summary>
internal sealed class ZipDirectory
{
    /// <summary>Most entries of an archive.</summary>
    public const int MaxEntries = 1 << 20;

    /// <summary>Most bytes that one compressed entry may inflate to.</summary>
    public const long MaxInflatedBytes = 1L << 31;

    /// <summary>Most bytes of content per compressed byte; deflate itself can't exceed 1032.</summary>
    public const int MaxInflationRatio = 1032;

    private const int EndSize = 22;
    private const int CentralSize = 46;
    private const int LocalSize = 30;
    private const uint Local = 0x04034b50, Central = 0x02014b50, End = 0x06054b50, End64 = 0x06064b50, Locator64 = 0x07064b50;

    private readonly MappedFile _file;
    private readonly Dictionary<string, Entry> _entries = [];

    private ZipDirectory(MappedFile file) => _file = file;

    /// <summary>Names of all entries.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <summary>Whether a file begins like an archive.</summary>
    public static bool Begins(ReadOnlySpan<byte> start) => start.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(start) == Local;

    /// <exception cref="CheckpointException">The directory is damaged.</exception>
    public static ZipDirectory Open(MappedFile file)
    {
        var zip = new ZipDirectory(file);
        var (start, size, count) = zip.FindCentral();
        zip.ReadCentral(start, size, count);
        return zip;
    }

    /// <summary>The content of an entry: in place where it is stored, else inflated when first read.</summary>
    /// <exception cref="CheckpointException">There is no such entry, or it is damaged or beyond a limit.</exception>
    public ByteBlock Content(string name)
    {
        if (!_entries.TryGetValue(name, out var entry))
            throw Error($"the archive has no entry '{name}'");
        var start = DataStart(name, entry);
        if (start > _file.Length || entry.Compressed > _file.Length - start)
            throw Error($"entry '{name}' does not lie within the file");
        var block = new MappedBlock(_file, start, entry.Compressed);
        switch (entry.Method)
        {
            case 0 when entry.Compressed == entry.Size:
                return block;
            case 0:
                throw Error($"entry '{name}' is stored, yet its two sizes differ");
            case 8 when entry.Size <= MaxInflatedBytes && entry.Size / MaxInflationRatio <= entry.Compressed:
                return new InflatedBlock(_file.Path, name, block, entry.Size, entry.Crc);
            case 8:
                throw Error($"entry '{name}' claims to inflate from {entry.Compressed} to {entry.Size} bytes, over the limits of "
                    + $"{MaxInflationRatio} times and {MaxInflatedBytes} bytes");
            default:
                throw Error($"entry '{name}' is compressed by method {entry.Method}; only stored and deflated entries can be read");
        }
    }

    private (long Start, long Size, long Count) FindCentral()
    {
        var tail = _file.Slice(Math.Max(0, _file.Length - EndSize - ushort.MaxValue),
            (int)Math.Min(_file.Length, EndSize + ushort.MaxValue));
        for (var at = tail.Length - EndSize; at >= 0; at--)
        {
            var end = tail[at..];
            if (U32(end, 0) != End || at + EndSize + U16(end, 20) != tail.Length)
                continue;
            if (U16(end, 10) == ushort.MaxValue || U32(end, 12) == uint.MaxValue || U32(end, 16) == uint.MaxValue)
                return FindCentral64(_file.Length - tail.Length + at);
            return (U32(end, 16), U32(end, 12), U16(end, 10));
        }
        throw Error("the zip archive has no end record: it is cut short");
    }

    private (long Start, long Size, long Count) FindCentral64(long end)
    {
        if (end < 20 || U32(_file.Slice(end - 20, 20), 0) != Locator64)
            throw Error("the zip64 end locator is missing");
        var at = I64(_file.Slice(end - 20, 20), 8);
        if (at < 0 || at > _file.Length - 56 || U32(_file.Slice(at, 56), 0) != End64)
            throw Error("the zip64 end record is missing");
        var record = _file.Slice(at, 56);
        return (I64(record, 48), I64(record, 40), I64(record, 32));
    }

    private void ReadCentral(long start, long size, long count)
    {
        if (start < 0 || size < 0 || start > _file.Length - size || size > int.MaxValue)
            throw Error("the central directory does not lie within the file");
        if (count is < 0 or > MaxEntries)
            throw Error($"the archive claims {count} entries, over the limit of {MaxEntries}");
        var bytes = _file.Slice(start, (int)size);
        for (long i = 0; i < count; i++)
        {
            if (bytes.Length < CentralSize || U32(bytes, 0) != Central)
                throw Error($"entry {i} of the central directory is damaged");
            var (nameSize, extraSize, commentSize) = (U16(bytes, 28), U16(bytes, 30), U16(bytes, 32));
            var next = CentralSize + nameSize + extraSize + commentSize;
            if (bytes.Length < next)
                throw Error($"entry {i} of the central directory is cut short");
            var name = Encoding.UTF8.GetString(bytes.Slice(CentralSize, nameSize));
            if (!_entries.TryAdd(name, ReadEntry(name, bytes, bytes.Slice(CentralSize + nameSize, extraSize))))
                throw Error($"the archive has two entries '{name}'");
            bytes = bytes[next..];
        }
    }

    private Entry ReadEntry(string name, ReadOnlySpan<byte> record, ReadOnlySpan<byte> extra)
    {
        if ((U16(record, 8) & 1) != 0)
            throw Error($"entry '{name}' is encrypted");
        long size = U32(record, 24), compressed = U32(record, 20), offset = U32(record, 42);
        var wide = Zip64Extra(extra);
        if (size == uint.MaxValue)
            size = Take(ref wide, name);
        if (compressed == uint.MaxValue)
            compressed = Take(ref wide, name);
        if (offset == uint.MaxValue)
            offset = Take(ref wide, name);
        return new(U16(record, 10), U32(record, 16), compressed, size, offset);
    }

    private static ReadOnlySpan<byte> Zip64Extra(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4 && U16(extra, 2) <= extra.Length - 4)
        {
            if (U16(extra, 0) == 1)
                return extra.Slice(4, U16(extra, 2));
            extra = extra[(4 + U16(extra, 2))..];
        }
        return default;
    }

    private long Take(ref ReadOnlySpan<byte> wide, string name)
    {
        if (wide.Length < 8 || I64(wide, 0) < 0)
            throw Error($"entry '{name}' lacks its zip64 sizes");
        var value = I64(wide, 0);
        wide = wide[8..];
        return value;
    }

    private long DataStart(string name, Entry entry)
    {
        if (entry.Offset > _file.Length - LocalSize || U32(_file.Slice(entry.Offset, LocalSize), 0) != Local)
            throw Error($"entry '{name}' has no header at byte {entry.Offset}");
        var header = _file.Slice(entry.Offset, LocalSize);
        return entry.Offset + LocalSize + U16(header, 26) + U16(header, 28);
    }

    private CheckpointException Error(string problem) => new(_file.Path, problem, "Download or save the file again.");

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long I64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private readonly record struct Entry(int Method, uint Crc, long Compressed, long Size, long Offset);
}
