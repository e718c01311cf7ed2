namespace Coppice.Tokenizers;

/// <summary>Finds out from a folder's files which tokenizer it holds.</summary>
internal static class TokenizerFolder
{
    public static Tokenizer Open(string folder)
    {
        if (!Directory.Exists(folder))
            throw new TokenizerException($"{folder}: no such folder. Give the folder that holds the model's tokenizer files.");
        var config = TokenizerConfig.Read(folder);
        var json = Path.Combine(folder, "tokenizer.json");
        var vocabulary = Path.Combine(folder, "vocab.json");
        var merges = Path.Combine(folder, "merges.txt");
        var words = Path.Combine(folder, "vocab.txt");
        if (File.Exists(json))
            return TokenizerFiles.ReadJson(json, root => new TokenizerJson(root, config, json).Read());
        if (File.Exists(vocabulary) && File.Exists(merges))
            return Gpt2(vocabulary, merges, config);
        if (File.Exists(words))
            return Bert(words, config);
        throw new TokenizerException($"{folder}: no tokenizer found. Looked for tokenizer.json, vocab.json with merges.txt, and vocab.txt. "
            + "Copy one of these from the original model.");
    }

    private static ByteLevelBpeTokenizer Gpt2(string vocabularyPath, string mergesPath, TokenizerConfig config)
    {
        // Others keep the same files but cut words differently.
        Expect(config, vocabularyPath, "GPT2Tokenizer", "CodeGenTokenizer", "RobertaTokenizer", "BartTokenizer");
        var vocabulary = TokenizerFiles.ReadJson(vocabularyPath, root => Vocabulary.FromJson(root, vocabularyPath));
        var merges = new MergeTable(ReadMerges(mergesPath, vocabulary), vocabulary, mergesPath);
        var parts = TokenizerParts.Create(vocabulary, [], config, vocabularyPath);
        var special = parts.Special;
        if (config.TokenizerClass is "RobertaTokenizer" or "BartTokenizer")
            parts = parts with { Template = RobertaTemplate(special, vocabularyPath) };
        else if (config.Flag("add_bos_token") == true && special.Bos is { } bos)
            parts = parts with { Template = Template.Prefixed(bos) };
        return new ByteLevelBpeTokenizer(parts, merges, config.Flag("add_prefix_space") ?? false, vocabularyPath);
    }

    private static Template RobertaTemplate(SpecialTokens special, string path) => special is { Cls: { } cls, Sep: { } sep }
        ? Template.Roberta(cls, sep)
        : throw new TokenizerException($"{path}: RoBERTa needs cls_token and sep_token. Name them in tokenizer_config.json.");

    private static void Expect(TokenizerConfig config, string path, params string[] classes)
    {
        if (config.TokenizerClass is { } name && name != "PreTrainedTokenizer" && !classes.Contains(name))
            throw new TokenizerException($"{path}: tokenizer_config.json says {name}, but such files are read for "
                + $"{string.Join(", ", classes)} only. Copy the model's tokenizer.json into the folder.");
    }

    private static IEnumerable<(string Left, string Right)> ReadMerges(string path, Vocabulary vocabulary)
    {
        var number = 0;
        foreach (var line in TokenizerFiles.ReadLines(path))
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
                continue;
            yield return MergeTable.Split(line, vocabulary)
                ?? throw new TokenizerException($"{path}: line {number} is '{line}', not two tokens and a space. Fetch the file again.");
        }
    }

    private static WordPieceTokenizer Bert(string path, TokenizerConfig config)
    {
        Expect(config, path, "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer");
        var vocabulary = Vocabulary.FromLines(path);
        var parts = TokenizerParts.Create(vocabulary, [], config, path);
        if (parts.Special is not { Cls: { } cls, Sep: { } sep })
            throw new TokenizerException($"{path}: the vocabulary lacks [CLS] or [SEP], so it is not BERT's. "
                + "Name them as cls_token and sep_token in tokenizer_config.json if they are called otherwise.");
        // A vocabulary of lower-cased text has no capital letters.
        var lowerCase = config.Flag("do_lower_case") ?? !vocabulary.TryFind("A", out _);
        var normalizer = new BertNormalizer(
            CleanText: true,
            SpaceChinese: config.Flag("tokenize_chinese_chars") ?? true,
            StripAccents: config.Flag("strip_accents") ?? lowerCase,
            LowerCase: lowerCase);
        return new WordPieceTokenizer(parts with { Template = Template.Bert(cls, sep) }, normalizer, "##", maxCharsPerWord: 100, path);
    }
}
