using System.Text;
using System.Text.Json.Nodes;
using Coppice.Models;
using Coppice.Tokenizers;

namespace Coppice.Pruning.Vocabulary;

/// <summary>A folder's tokenizer files with some of the tokens alone, numbered anew.</summary>
/// <param name="folder">The folder, whose tokenizer could be opened.</param>
/// <param name="ids">The new id of each token that stays, by its old one.</param>
/// <remarks>A merge stays where both its parts and what they make do.</remarks>
internal sealed class SmallerTokenizer(string folder, IReadOnlyDictionary<int, int> ids)
{
    private const string VocabularyFile = "vocab.json";

    private JsonObject Tokens => field ??= JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, VocabularyFile)))!.AsObject();

    private JsonObject KeptTokens => field ??= Renumbered(Tokens);

    /// <summary>The files that change, by name.</summary>
    public Dictionary<string, byte[]> Files()
    {
        var files = new Dictionary<string, byte[]>();
        Change("tokenizer.json", path => Json(path, ChangeWhole));
        Change(VocabularyFile, _ => PretrainedModel.Written(KeptTokens));
        Change("added_tokens.json", path => Json(path, Renumbered));
        Change("tokenizer_config.json", path => Json(path, ChangeSettings));
        Change("special_tokens_map.json", File.ReadAllBytes);
        Change("vocab.txt", path => Lines(TokenizerFiles.ReadLines(path).Where((_, id) => ids.ContainsKey(id))));
        Change("merges.txt", path => Lines(KeptLines(path)));
        return files;

        void Change(string name, Func<string, byte[]> change)
        {
            if (Path.Combine(folder, name) is var path && File.Exists(path))
                files[name] = change(path);
        }
    }

    private static byte[] Json(string path, Func<JsonObject, JsonObject> change) =>
        PretrainedModel.Written(change(JsonNode.Parse(File.ReadAllBytes(path))!.AsObject()));

    private static byte[] Lines(IEnumerable<string> lines) => Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n")));

    /// <summary>An object of token to id.</summary>
    private JsonObject Renumbered(JsonObject tokens) => new(tokens.Where(token => ids.ContainsKey((int)token.Value!))
        .Select(token => KeyValuePair.Create(token.Key, (JsonNode?)ids[(int)token.Value!])));

    private JsonObject ChangeSettings(JsonObject settings)
    {
        if (settings["added_tokens_decoder"] is JsonObject added)
            settings["added_tokens_decoder"] = new JsonObject(added.Select(token => KeyValuePair.Create($"{ids[int.Parse(token.Key)]}",
                token.Value?.DeepClone())));
        return settings;
    }

    /// <summary>tokenizer.json: vocabulary, merges, added tokens and the templates that name special tokens.</summary>
    private JsonObject ChangeWhole(JsonObject root)
    {
        var model = root["model"]!.AsObject();
        var vocabulary = Renumbered(model["vocab"]!.AsObject());
        if (model["merges"] is JsonArray merges)
        {
            var all = Vocabulary(model["vocab"]!.AsObject());
            model["merges"] = new JsonArray([.. merges.Where(merge => Stays(vocabulary, PartsOf(merge!, all))).Select(merge => merge!.DeepClone())]);
        }
        model["vocab"] = vocabulary;
        foreach (var token in root["added_tokens"]?.AsArray() ?? [])
            token!["id"] = ids[(int)token["id"]!];
        if (root["padding"]?["pad_id"] is { } padding)
            root["padding"]!["pad_id"] = ids[(int)padding];
        ChangeTemplates(root["post_processor"]);
        return root;
    }

    private void ChangeTemplates(JsonNode? processor)
    {
        foreach (var step in processor?["processors"]?.AsArray() ?? [])
            ChangeTemplates(step);
        foreach (var (_, special) in processor?["special_tokens"]?.AsObject() ?? [])
            special!["ids"] = new JsonArray([.. special["ids"]!.AsArray().Select(id => JsonValue.Create(ids[(int)id!]))]);
        foreach (var member in (string[])["cls", "sep"])
            if (processor?[member] is JsonArray token)
                token[1] = ids[(int)token[1]!];
    }

    private IEnumerable<string> KeptLines(string path)
    {
        var all = Vocabulary(Tokens);
        return TokenizerFiles.ReadLines(path).Where((line, number) =>
            number == 0 && line.StartsWith("#version", StringComparison.Ordinal) || MergeTable.Split(line, all) is { } parts && Stays(KeptTokens, parts));
    }

    private static Tokenizers.Vocabulary Vocabulary(JsonObject tokens) =>
        new(tokens.ToDictionary(token => token.Key, token => (int)token.Value!), VocabularyFile);

    private static (string Left, string Right) PartsOf(JsonNode merge, Tokenizers.Vocabulary vocabulary) => merge is JsonArray pair
        ? ((string)pair[0]!, (string)pair[1]!)
        : MergeTable.Split((string)merge!, vocabulary)!.Value;

    private static bool Stays(JsonObject kept, (string Left, string Right) parts) =>
        kept.ContainsKey(parts.Left) && kept.ContainsKey(parts.Right) && kept.ContainsKey(parts.Left + parts.Right);
}
