using System.Text.Json;

namespace Coppice.Tokenizers;

/// <summary>Tokens and their ids, one to one. Ids may have holes, but few.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private readonly string?[] _tokens;

    /// <exception cref="TokenizerException">There are no tokens, or an id is negative, given twice, or far beyond their number.</exception>
    public Vocabulary(Dictionary<string, int> ids, string source)
    {
        if (ids.Count == 0)
            throw new TokenizerException($"{source}: the vocabulary is empty. Fetch the file again.");
        // Holes cost memory, so a stray huge id must not size the table.
        var limit = 4L * ids.Count + 1024;
        foreach (var (token, id) in ids)
            if (id < 0 || id >= limit)
                throw new TokenizerException(
                    $"{source}: token '{token}' has id {id}; ids of {ids.Count} tokens must lie in 0..{limit - 1}. Fetch the file again.");
        _ids = ids;
        _bySpan = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _tokens = new string?[ids.Values.Max() + 1];
        foreach (var (token, id) in ids)
        {
            if (_tokens[id] is { } other)
                throw new TokenizerException($"{source}: tokens '{other}' and '{token}' share id {id}. Give each token its own id.");
            _tokens[id] = token;
        }
    }

    /// <summary>The highest id plus one.</summary>
    public int Size => _tokens.Length;

    /// <summary>The token of an id below <see cref="Size"/>; null in a hole.</summary>
    public string? this[int id] => _tokens[id];

    /// <summary>All tokens with their ids.</summary>
    public IEnumerable<KeyValuePair<string, int>> Entries => _ids;

    public bool TryFind(ReadOnlySpan<char> token, out int id) => _bySpan.TryGetValue(token, out id);

    /// <summary>The vocabulary of vocab.json, or of <c>model.vocab</c> in tokenizer.json: an object of token to id.</summary>
    public static Vocabulary FromJson(JsonElement tokens, string source)
    {
        if (tokens.ValueKind != JsonValueKind.Object)
            throw new TokenizerException($"{source}: the vocabulary must be an object of token to id, not {tokens.ValueKind}.");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in tokens.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out var id))
                throw new TokenizerException($"{source}: the id of token '{entry.Name}' is not a whole number: {entry.Value}.");
            if (!ids.TryAdd(entry.Name, id))
                throw new TokenizerException($"{source}: token '{entry.Name}' occurs twice (ids {ids[entry.Name]} and {id}). Remove one.");
        }
        return new Vocabulary(ids, source);
    }

    /// <summary>The vocabulary of vocab.txt: one token a line, the line's number (from 0) is its id.</summary>
    public static Vocabulary FromLines(string path)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var line = 0;
        foreach (var token in TokenizerFiles.ReadLines(path))
        {
            if (!ids.TryAdd(token, line))
                throw new TokenizerException($"{path}: token '{token}' stands on lines {ids[token] + 1} and {line + 1}. Keep one of them.");
            line++;
        }
        return new Vocabulary(ids, path);
    }
}
