using System.Text.Json;

namespace Coppice.Tokenizers;

/// <summary>Reads tokenizer.json of Hugging Face's tokenizers library; a step it does not know is an error, never skipped.</summary>
/// <remarks>"truncation" and "padding" are the caller's choice here, and "decoder" follows from the kind of model.</remarks>
internal sealed class TokenizerJson(JsonElement root, TokenizerConfig config, string path)
{
    public Tokenizer Read()
    {
        var model = root.Required("model");
        // Files of the first versions leave the model's type out.
        var kind = model.Kind() ?? (model.Member("merges") is null ? "WordPiece" : "BPE");
        if (kind is not ("WordPiece" or "BPE"))
            throw Unsupported("model", kind);
        var vocabulary = Vocabulary.FromJson(model.Required("vocab"), path);
        var unknown = model.Member("unk_token")?.GetString();
        var added = root.Member("added_tokens")?.EnumerateArray() ?? default;
        var parts = TokenizerParts.Create(
            vocabulary, added.Select(token => TokenizerConfig.ReadAdded(token, token.Required("id").GetInt32())), config, path);
        parts = parts with { Template = ReadTemplate(parts) };
        return kind == "BPE" ? Bpe(model, parts, unknown) : WordPiece(model, parts, unknown ?? "[UNK]");
    }

    private WordPieceTokenizer WordPiece(JsonElement model, TokenizerParts parts, string unknown)
    {
        Expect("pre_tokenizer", root.Member("pre_tokenizer")?.Kind(), "BertPreTokenizer");
        var normalizer = root.Member("normalizer");
        Expect("normalizer", normalizer?.Kind(), "BertNormalizer");
        var options = normalizer!.Value;
        var lowerCase = options.Flag("lowercase", absent: true);
        parts = parts with { Special = parts.Special with { Unk = RequiredId(parts, unknown) } };
        return new WordPieceTokenizer(
            parts,
            new BertNormalizer(
                options.Flag("clean_text", absent: true),
                options.Flag("handle_chinese_chars", absent: true),
                options.Flag("strip_accents", absent: lowerCase),
                lowerCase),
            model.Member("continuing_subword_prefix")?.GetString() ?? "##",
            model.Member("max_input_chars_per_word")?.GetInt32() ?? 100,
            path);
    }

    private Tokenizer Bpe(JsonElement model, TokenizerParts parts, string? unknown)
    {
        foreach (var affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
            if (model.Member(affix)?.GetString() is { Length: > 0 } value)
                throw Unsupported($"model.{affix}", value);
        if (model.Flag("ignore_merges"))
            throw Unsupported("model.ignore_merges", "true");
        if (model.Member("dropout") is { } dropout && dropout.GetDouble() != 0)
            throw Unsupported("model.dropout", dropout.ToString());
        var merges = new MergeTable(ReadMerges(model, parts.Vocabulary), parts.Vocabulary, path);
        var preTokenizer = root.Member("pre_tokenizer");
        if (preTokenizer?.Kind() == "ByteLevel")
        {
            Expect("normalizer", root.Member("normalizer")?.Kind(), null);
            if (!preTokenizer.Value.Flag("use_regex", absent: true))
                throw Unsupported("pre_tokenizer.use_regex", "false");
            return new ByteLevelBpeTokenizer(parts, merges, preTokenizer.Value.Flag("add_prefix_space", absent: true), path);
        }
        int? unknownId = unknown is null ? null : RequiredId(parts, unknown);
        return new MetaspaceBpeTokenizer(
            parts, merges, ReadMetaspace(preTokenizer), unknownId, model.Flag("fuse_unk"), model.Flag("byte_fallback"), path);
    }

    private IEnumerable<(string Left, string Right)> ReadMerges(JsonElement model, Vocabulary vocabulary)
    {
        foreach (var merge in model.Required("merges").EnumerateArray())
        {
            // Older files write "left right", newer ones ["left", "right"].
            if (merge.ValueKind == JsonValueKind.String && MergeTable.Split(merge.GetString()!, vocabulary) is { } halves)
                yield return halves;
            else if (merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2)
                yield return (merge[0].GetString() ?? "", merge[1].GetString() ?? "");
            else
                throw Malformed($"the merge {merge.GetRawText()} is not two tokens");
        }
    }

    /// <summary>Either the pre-tokenizer Metaspace, or the normalizers Prepend "▁" (optional) and Replace " " by "▁".</summary>
    private Metaspace ReadMetaspace(JsonElement? preTokenizer)
    {
        var normalizer = root.Member("normalizer");
        if (preTokenizer is { } metaspace)
        {
            Expect("pre_tokenizer", metaspace.Kind(), "Metaspace");
            Expect("normalizer", normalizer?.Kind(), null);
            Expect("pre_tokenizer.replacement", metaspace.Member("replacement")?.GetString(), "▁");
            var scheme = metaspace.Member("prepend_scheme")?.GetString()
                ?? (metaspace.Flag("add_prefix_space", absent: true) ? "always" : "never");
            if (scheme is not ("always" or "first" or "never"))
                throw Unsupported("pre_tokenizer.prepend_scheme", scheme);
            return new Metaspace(scheme != "never", scheme == "first", UnlessPresent: true, metaspace.Flag("split", absent: true));
        }
        var steps = normalizer?.Kind() == "Sequence" ? normalizer.Value.Required("normalizers").EnumerateArray().ToArray()
            : normalizer is { } single ? [single] : [];
        var prepend = steps is [var first, ..] && first.Kind() == "Prepend";
        if (prepend)
            Expect("normalizer.prepend", steps[0].Required("prepend").GetString(), "▁");
        if (steps[(prepend ? 1 : 0)..] is not [var replace])
            throw Unsupported("normalizer", normalizer?.GetRawText());
        Expect("normalizer", replace.Kind(), "Replace");
        Expect("normalizer.pattern", replace.Required("pattern").Member("String")?.GetString(), " ");
        Expect("normalizer.content", replace.Required("content").GetString(), "▁");
        return new Metaspace(prepend);
    }

    private Template ReadTemplate(TokenizerParts parts)
    {
        if (root.Member("post_processor") is not { } processor)
            return Template.Plain;
        // ByteLevel here only trims offsets, which Coppice does not report.
        var steps = (processor.Kind() == "Sequence" ? processor.Required("processors").EnumerateArray().ToArray() : [processor])
            .Where(step => step.Kind() != "ByteLevel").ToArray();
        if (steps.Length == 0)
            return Template.Plain;
        var step = steps[0];
        if (steps.Length > 1)
            throw Unsupported("post_processor", processor.GetRawText());
        return step.Kind() switch
        {
            "TemplateProcessing" => ReadTemplate(step, parts),
            "BertProcessing" => Template.Bert(Ending("cls"), Ending("sep")),
            "RobertaProcessing" => Template.Roberta(Ending("cls"), Ending("sep")),
            var kind => throw Unsupported("post_processor", kind),
        };

        int Ending(string name) => RequiredId(parts, step.Required(name).EnumerateArray().First().GetString() ?? "null");
    }

    private Template ReadTemplate(JsonElement step, TokenizerParts parts)
    {
        var single = ReadPieces(step.Required("single"), parts);
        var pair = ReadPieces(step.Required("pair"), parts);
        if (!Holds(single, second: false) || Holds(single, second: true) || !Holds(pair, second: false) || !Holds(pair, second: true))
            throw Malformed("the template must hold A for a single text, A and B for a pair");
        return new Template(single, pair);

        static bool Holds(TemplatePiece[] pieces, bool second) => pieces.Any(piece => piece.Special is null && piece.Second == second);
    }

    private TemplatePiece[] ReadPieces(JsonElement pieces, TokenizerParts parts) =>
    [
        .. pieces.EnumerateArray().Select(piece => piece.Member("SpecialToken") is { } special
            ? new TemplatePiece(RequiredId(parts, special.Required("id").GetString()!), false, special.Required("type_id").GetInt32())
            : piece.Member("Sequence") is { } text
                ? new TemplatePiece(null, text.Required("id").GetString() == "B", text.Required("type_id").GetInt32())
                : throw Malformed($"the template piece {piece.GetRawText()} is neither SpecialToken nor Sequence")),
    ];

    private int RequiredId(TokenizerParts parts, string token) => parts.IdOf(token)
        ?? throw Malformed($"the token '{token}' is used but is neither in the vocabulary nor in added_tokens");

    private void Expect(string part, string? found, string? expected)
    {
        if (found != expected)
            throw Unsupported(part, found);
    }

    private TokenizerException Malformed(string what) => new($"{path}: {what}. Fetch the file again.");

    private TokenizerException Unsupported(string part, string? value) => new(
        $"{path}: {part} '{value ?? "null"}' is not supported. Coppice reads byte-level BPE (GPT-2), WordPiece (BERT) and BPE with "
        + "▁ for spaces (Llama 2). Use a model with one of these tokenizers.");
}
