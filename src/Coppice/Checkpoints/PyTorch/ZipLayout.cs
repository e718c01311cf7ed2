using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Coppice.Checkpoints.PyTorch;

/// <summary>Where the stored entries of a new archive lie, and the headers around them. Every entry's content begins at a multiple of 64
/// bytes.</summary>
/// <remarks>zip64 records appear where a size, an offset or the number of entries needs them. Times are fixed, so equal content makes
/// equal bytes.</remarks>
internal sealed class ZipLayout
{
    private const int Alignment = 64;
    private const int LocalSize = 30;
    private const ushort MidnightOf1980 = 0x21; // 1 January 1980, the earliest date of the format
    private const ushort PaddingId = 0x4246; // "FB", as PyTorch names its padding

    private readonly List<Entry> _entries = [];

    /// <summary>Where the next entry begins; after the last, the central directory.</summary>
    public long End { get; private set; }

    /// <summary>Adds an entry and returns the offset of its content.</summary>
    public long Add(string name, long size)
    {
        var nameBytes = Encoding.UTF8.GetBytes(name);
        var fixedSize = LocalSize + nameBytes.Length + (IsWide(size) ? 20 : 0) + 4;
        var padding = (int)((Alignment - (End + fixedSize) % Alignment) % Alignment);
        var entry = new Entry(nameBytes, size, End, padding);
        _entries.Add(entry);
        End += fixedSize + padding + size;
        return End - size;
    }

    /// <summary>The header before an entry's content, and its offset.</summary>
    public (long Offset, byte[] Bytes) LocalHeader(int index, uint crc)
    {
        var entry = _entries[index];
        var wide = IsWide(entry.Size);
        var extraSize = (wide ? 20 : 0) + 4 + entry.Padding;
        var record = new Record()
            .U32(0x04034b50).U16(wide ? 45 : 20).U16(0).U16(0).U16(0).U16(MidnightOf1980).U32(crc)
            .Size32(entry.Size).Size32(entry.Size).U16(entry.Name.Length).U16(extraSize).Bytes(entry.Name);
        if (wide)
            record.U16(1).U16(16).I64(entry.Size).I64(entry.Size);
        record.U16(PaddingId).U16(entry.Padding).Bytes(new byte[entry.Padding]);
        return (entry.Offset, record.ToArray());
    }

    /// <summary>The central directory and end records, to be written at <see cref="End"/>.</summary>
    public byte[] CentralDirectory(IReadOnlyList<uint> crcs)
    {
        var record = new Record();
        for (var i = 0; i < _entries.Count; i++)
            AddCentral(record, _entries[i], crcs[i]);
        var size = record.Length;
        if (IsWide(End) || IsWide(size) || _entries.Count >= ushort.MaxValue)
        {
            record.U32(0x06064b50).I64(44).U16(45).U16(45).U32(0).U32(0).I64(_entries.Count).I64(_entries.Count).I64(size).I64(End);
            record.U32(0x07064b50).U32(0).I64(End + size).U32(1);
        }
        var count = Math.Min(_entries.Count, ushort.MaxValue);
        record.U32(0x06054b50).U16(0).U16(0).U16(count).U16(count).Size32(size).Size32(End).U16(0);
        return record.ToArray();
    }

    private static void AddCentral(Record record, Entry entry, uint crc)
    {
        var extra = new Record();
        if (IsWide(entry.Size))
            extra.I64(entry.Size).I64(entry.Size);
        if (IsWide(entry.Offset))
            extra.I64(entry.Offset);
        var version = extra.Length > 0 ? 45 : 20;
        record.U32(0x02014b50).U16(version).U16(version).U16(0).U16(0).U16(0).U16(MidnightOf1980).U32(crc)
            .Size32(entry.Size).Size32(entry.Size).U16(entry.Name.Length).U16(extra.Length > 0 ? 4 + (int)extra.Length : 0)
            .U16(0).U16(0).U16(0).U32(0).Size32(entry.Offset).Bytes(entry.Name);
        if (extra.Length > 0)
            record.U16(1).U16((int)extra.Length).Bytes(extra.ToArray());
    }

    private static bool IsWide(long value) => value >= uint.MaxValue;

    private sealed record Entry(byte[] Name, long Size, long Offset, int Padding);

    /// <summary>Little-endian fields one after the other.</summary>
    private sealed class Record
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();

        public long Length => _bytes.WrittenCount;

        public Record U16(int value) => Add(2, value);

        public Record U32(uint value) => Add(4, value);

        public Record I64(long value) => Add(8, value);

        /// <summary>32 bits, all set where the value is in the zip64 record.</summary>
        public Record Size32(long value) => U32((uint)Math.Min(value, uint.MaxValue));

        public Record Bytes(byte[] bytes)
        {
            _bytes.Write(bytes);
            return this;
        }

        public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

        private Record Add(int size, long value)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
            _bytes.Write(bytes[..size]);
            return this;
        }
    }
}
