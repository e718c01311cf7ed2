using System.Globalization;
using System.Text.Json;

namespace Coppice.Tokenizers;

/// <summary>What tokenizer_config.json, special_tokens_map.json and added_tokens.json of a folder say; all of them may be absent.</summary>
internal sealed class TokenizerConfig
{
    private readonly Dictionary<string, string?> _roles = [];
    private readonly Dictionary<string, bool> _flags = [];
    private readonly Dictionary<string, AddedToken> _added = [];

    /// <summary>tokenizer_class without the ending "Fast", for instance "GPT2Tokenizer".</summary>
    public string? TokenizerClass { get; private set; }

    /// <summary>Added tokens of added_tokens.json and of added_tokens_decoder.</summary>
    public IEnumerable<AddedToken> Added => _added.Values;

    public static TokenizerConfig Read(string folder)
    {
        var config = new TokenizerConfig();
        // Roles and tokens stated first stay: tokenizer_config.json is the newer format and says more.
        ReadFile(folder, "tokenizer_config.json", root =>
        {
            config.TokenizerClass = root.Member("tokenizer_class")?.GetString()?.Replace("Fast", "", StringComparison.Ordinal);
            foreach (var token in root.Member("added_tokens_decoder")?.EnumerateObject() ?? default)
                config.Add(ReadAdded(token.Value, int.Parse(token.Name, NumberStyles.None, CultureInfo.InvariantCulture)));
            config.ReadRoles(root);
        });
        ReadFile(folder, "special_tokens_map.json", config.ReadRoles);
        ReadFile(folder, "added_tokens.json", root =>
        {
            foreach (var token in root.EnumerateObject())
                config.Add(new AddedToken(token.Value.GetInt32(), token.Name, Special: false));
        });
        return config;
    }

    /// <summary>The token of a role such as "bos_token"; null when none or when the files say null.</summary>
    public string? Role(string role, out bool stated)
    {
        stated = _roles.TryGetValue(role, out var token);
        return token;
    }

    /// <summary>A boolean setting, or null when the files don't state it.</summary>
    public bool? Flag(string name) => _flags.TryGetValue(name, out var value) ? value : null;

    /// <summary>An added token as tokenizer.json and added_tokens_decoder write it.</summary>
    public static AddedToken ReadAdded(JsonElement token, int id) => new(
        id,
        token.Required("content").GetString()!,
        token.Flag("special"),
        token.Flag("lstrip"),
        token.Flag("rstrip"),
        token.Flag("single_word"));

    private void Add(AddedToken token) => _added.TryAdd(token.Content, token);

    private static void ReadFile(string folder, string file, Action<JsonElement> read)
    {
        var path = Path.Combine(folder, file);
        if (File.Exists(path))
            TokenizerFiles.ReadJson(path, root =>
            {
                read(root);
                return true;
            });
    }

    private void ReadRoles(JsonElement root)
    {
        foreach (var member in root.EnumerateObject())
            if (TokenizerParts.IsRole(member.Name))
                _roles.TryAdd(member.Name, RoleToken(member.Value));
            else if (member.Value.ValueKind is JsonValueKind.True or JsonValueKind.False)
                _flags.TryAdd(member.Name, member.Value.GetBoolean());
    }

    private static string? RoleToken(JsonElement value) =>
        value.ValueKind == JsonValueKind.Object ? value.Required("content").GetString() : value.GetString();
}
