using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Modules;

namespace Coppice.Recipes;

/// <summary>Checks JSON against the part of JSON schema that <see cref="RecipeSchema"/> uses; the first error names the place and what is
/// expected there.</summary>
/// <param name="file">The file, for messages.</param>
internal sealed class SchemaCheck(string file)
{
    /// <summary>The types that a schema allows; empty where it does not say.</summary>
    public static IReadOnlyList<string> Types(JsonObject schema) => schema["type"] switch
    {
        JsonArray several => [.. several.Select(type => type!.GetValue<string>())],
        JsonValue one => [one.GetValue<string>()],
        _ => [],
    };

    /// <exception cref="RecipeException">The value does not fit.</exception>
    public void Check(JsonNode? value, JsonObject schema, string place)
    {
        CheckType(value, schema, place);
        CheckWord(value, schema, place);
        if (value is JsonArray items && schema["items"] is JsonObject item)
            for (var i = 0; i < items.Count; i++)
                Check(items[i], item, $"{place}[{i}]");
        if (value is JsonObject members)
            CheckMembers(members, schema, place);
    }

    private void CheckMembers(JsonObject value, JsonObject schema, string place)
    {
        if (schema["anyOf"] is JsonArray kinds)
            schema = Kind(value, kinds, place);
        if (schema["properties"] is not JsonObject known)
            return;
        foreach (var (name, member) in value)
        {
            if (known[name] is not JsonObject expected)
                throw new RecipeException(file, place, Unknown($"key '{name}'", name, [.. known.Select(entry => entry.Key)]));
            Check(member, expected, Join(place, name));
        }
        if (schema["required"] is JsonArray required
            && required.FirstOrDefault(name => !value.ContainsKey(name!.GetValue<string>())) is { } missing)
            throw new RecipeException(file, place, $"the key '{missing}' is missing; give {Expected((JsonObject)known[missing.GetValue<string>()]!)}.");
    }

    /// <summary>The schema of the kind of object that its <c>type</c> names.</summary>
    private JsonObject Kind(JsonObject value, JsonArray kinds, string place)
    {
        var byName = kinds.ToDictionary(kind => kind!["properties"]!["type"]!["const"]!.GetValue<string>(), kind => (JsonObject)kind!);
        return value["type"] is JsonValue named && named.GetValueKind() == JsonValueKind.String
            ? byName.GetValueOrDefault(named.GetValue<string>())
                ?? throw new RecipeException(file, Join(place, "type"), Unknown($"type '{named}'", named.GetValue<string>(), byName.Keys))
            : throw new RecipeException(file, place, $"the key 'type' is missing; give one of {Words(byName.Keys)}.");
    }

    private void CheckType(JsonNode? value, JsonObject schema, string place)
    {
        var types = Types(schema);
        if (types.Count > 0 && !types.Any(type => Is(value, type)))
            throw new RecipeException(file, place, $"expected {Expected(schema)}, found {Shown(value)}.");
    }

    private void CheckWord(JsonNode? value, JsonObject schema, string place)
    {
        if (schema["enum"] is not JsonArray words)
            return;
        var known = words.OfType<JsonValue>().Select(word => word.GetValue<string>()).ToList();
        if (value is null || value.GetValueKind() != JsonValueKind.String)
            throw new RecipeException(file, place, $"expected one of {Words(known)}, found {Shown(value)}.");
        if (!known.Contains(value.GetValue<string>()))
            throw new RecipeException(file, place, Unknown($"value '{value}'", value.GetValue<string>(), known));
    }

    private static bool Is(JsonNode? value, string type) => (type, value?.GetValueKind() ?? JsonValueKind.Null) switch
    {
        ("null", JsonValueKind.Null) or ("string", JsonValueKind.String) or ("number", JsonValueKind.Number)
            or ("boolean", JsonValueKind.True or JsonValueKind.False)
            or ("array", JsonValueKind.Array) or ("object", JsonValueKind.Object) => true,
        // All whole numbers of recipes are counts that fit.
        ("integer", JsonValueKind.Number) => int.TryParse(value!.ToJsonString(), out _),
        _ => false,
    };

    private static string Expected(JsonObject schema) => schema["enum"] is JsonArray words
        ? $"one of {Words(words.OfType<JsonValue>().Select(word => word.GetValue<string>()))}"
        : string.Join(" or ", Types(schema).Where(type => type != "null").Select(type => type switch
        {
            "integer" => "a whole number",
            "object" => "an object {...}",
            "array" => "a list [...]",
            "boolean" => "true or false",
            "string" => "a text in quotes",
            _ => "a number",
        }));

    private static string Shown(JsonNode? value)
    {
        var text = value?.ToJsonString() ?? "null";
        return text.Length <= 40 ? text : text[..37] + "...";
    }

    private static string Unknown(string what, string name, IReadOnlyCollection<string> known) =>
        $"there is no {what}. The nearest are {NearestNames.Quoted(name, known)}; known are {Words(known)}.";

    private static string Words(IEnumerable<string> words) => string.Join(", ", words);

    private static string Join(string place, string name) => place.Length == 0 ? name : $"{place}.{name}";
}
