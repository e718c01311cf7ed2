using System.Buffers;
using System.Text;

namespace Coppice.Tokenizers;

/// <summary>GPT-2's tokenizer (Radford et al. 2019): byte pairs merged within words; any text can be restored.</summary>
internal sealed class ByteLevelBpeTokenizer : Tokenizer
{
    private static readonly char[] CharOfByte = BuildAlphabet();
    private static readonly Dictionary<char, byte> ByteOfChar = Enumerable.Range(0, 256).ToDictionary(b => CharOfByte[b], b => (byte)b);

    private readonly MergeTable _merges;
    private readonly bool _addPrefixSpace;
    private readonly int[] _byteIds;
    private readonly WordCache _cache = new();

    public ByteLevelBpeTokenizer(TokenizerParts parts, MergeTable merges, bool addPrefixSpace, string source)
        : base(parts, Spell, dropsFirstSpace: false)
    {
        _merges = merges;
        _addPrefixSpace = addPrefixSpace;
        _byteIds = new int[256];
        for (var b = 0; b < 256; b++)
            if (!parts.Vocabulary.TryFind([CharOfByte[b]], out _byteIds[b]))
                throw new TokenizerException($"{source}: the vocabulary has no token '{CharOfByte[b]}' for the byte 0x{b:X2}; "
                    + "byte-level BPE needs all 256. Fetch the vocabulary again.");
    }

    internal override IEnumerable<int> Indispensable => base.Indispensable.Concat(_byteIds);

    internal override IReadOnlyDictionary<int, (int Left, int Right)> Merges => field ??= _merges.Parts();

    private protected override void EncodeSegment(ReadOnlySpan<char> text, bool first, List<int> ids)
    {
        if (_addPrefixSpace && text[0] != ' ')
            text = $" {text}";
        while (!text.IsEmpty)
        {
            var length = Gpt2Splitter.NextLength(text);
            EncodeWord(text[..length], ids);
            text = text[length..];
        }
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids)
    {
        if (_cache.TryGet(word, out var known))
        {
            ids.AddRange(known);
            return;
        }
        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(word.Length));
        var count = Encoding.UTF8.GetBytes(word, bytes);
        var rented = ArrayPool<int>.Shared.Rent(count);
        var symbols = rented.AsSpan(0, count);
        for (var i = 0; i < count; i++)
            symbols[i] = _byteIds[bytes[i]];
        symbols = symbols[.._merges.Apply(symbols)];
        ids.AddRange(symbols);
        _cache.Add(word, symbols);
        ArrayPool<int>.Shared.Return(rented);
        ArrayPool<byte>.Shared.Return(bytes);
    }

    private static byte[] Spell(string token, bool added) =>
        added || !token.All(ByteOfChar.ContainsKey) ? Encoding.UTF8.GetBytes(token) : [.. token.Select(c => ByteOfChar[c])];

    /// <summary>GPT-2 writes printable Latin-1 bytes as themselves and the other 68, in order, as U+0100 and up.</summary>
    private static char[] BuildAlphabet()
    {
        var alphabet = new char[256];
        var next = '\u0100';
        for (var b = 0; b < 256; b++)
            alphabet[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)b : next++;
        return alphabet;
    }
}
