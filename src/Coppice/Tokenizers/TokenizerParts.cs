namespace Coppice.Tokenizers;

/// <summary>What every kind of tokenizer has besides its algorithm.</summary>
internal sealed record TokenizerParts(Vocabulary Vocabulary, AddedTokens Added, SpecialTokens Special, Template Template)
{
    // Used where no file names the role; first those of GPT-2 and BERT, then SentencePiece's.
    private static readonly Dictionary<string, string[]> UsualNames = new()
    {
        ["bos_token"] = ["<|endoftext|>", "<s>"],
        ["eos_token"] = ["<|endoftext|>", "</s>"],
        ["unk_token"] = ["<|endoftext|>", "[UNK]", "<unk>"],
        ["pad_token"] = ["[PAD]", "<pad>"],
        ["cls_token"] = ["[CLS]"],
        ["sep_token"] = ["[SEP]"],
        ["mask_token"] = ["[MASK]", "<mask>"],
    };

    /// <summary>Collects added tokens and roles.</summary>
    /// <exception cref="TokenizerException">An added token clashes with the vocabulary, or a role names an unknown token.</exception>
    public static TokenizerParts Create(Vocabulary vocabulary, IEnumerable<AddedToken> listed, TokenizerConfig config, string source)
    {
        var byContent = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (var token in listed.Concat(config.Added))
            Add(token);
        var special = new SpecialTokens
        {
            Bos = Role("bos_token"),
            Eos = Role("eos_token"),
            Unk = Role("unk_token"),
            Pad = Role("pad_token"),
            Cls = Role("cls_token"),
            Sep = Role("sep_token"),
            Mask = Role("mask_token"),
        };
        CheckIds(byContent.Values, vocabulary, source);
        return new TokenizerParts(vocabulary, new AddedTokens(byContent.Values), special, Template.Plain);

        void Add(AddedToken token)
        {
            if (token.Content.Length == 0)
                throw new TokenizerException($"{source}: the added token with id {token.Id} is empty. Remove it.");
            if (byContent.TryGetValue(token.Content, out var known) && known.Id != token.Id)
                throw new TokenizerException($"{source}: added token '{token.Content}' has ids {known.Id} and {token.Id}. Keep one.");
            byContent.TryAdd(token.Content, token);
        }

        int? Role(string role)
        {
            var content = config.Role(role, out var stated);
            if (!stated)
                content = UsualNames[role].FirstOrDefault(name => byContent.ContainsKey(name) || vocabulary.TryFind(name, out _));
            if (content is null)
                return null;
            if (!byContent.TryGetValue(content, out var token))
                token = vocabulary.TryFind(content, out var id)
                    ? new AddedToken(id, content, Special: true)
                    : throw new TokenizerException($"{source}: {role} is '{content}', neither in the vocabulary nor an added token. "
                        + "Give it an id in added_tokens.json, or correct the name in tokenizer_config.json.");
            byContent[content] = token with { Special = true };
            return token.Id;
        }
    }

    /// <summary>Whether a setting such as "bos_token" names a role.</summary>
    public static bool IsRole(string name) => UsualNames.ContainsKey(name);

    /// <summary>The id of a token as written, or null.</summary>
    public int? IdOf(string token) =>
        Vocabulary.TryFind(token, out var id) ? id : Added.All.FirstOrDefault(t => t.Content == token)?.Id;

    private static void CheckIds(Dictionary<string, AddedToken>.ValueCollection tokens, Vocabulary vocabulary, string source)
    {
        var limit = vocabulary.Size + (4L * tokens.Count) + 1024;
        var seen = new Dictionary<int, string>();
        foreach (var token in tokens)
        {
            if (token.Id < 0 || token.Id >= limit)
                throw new TokenizerException($"{source}: added token '{token.Content}' has id {token.Id}, far beyond the rest. Fix it.");
            var owner = (token.Id < vocabulary.Size ? vocabulary[token.Id] : null) ?? seen.GetValueOrDefault(token.Id, token.Content);
            if (owner != token.Content)
                throw new TokenizerException($"{source}: added token '{token.Content}' has id {token.Id}, which is '{owner}'. Fix one.");
            if (vocabulary.TryFind(token.Content, out var id) && id != token.Id)
                throw new TokenizerException($"{source}: '{token.Content}' has id {id}, but {token.Id} as an added token. Fix one.");
            seen[token.Id] = token.Content;
        }
    }
}
