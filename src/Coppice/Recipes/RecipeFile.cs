using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Coppice.Modules;

namespace Coppice.Recipes;

/// <summary>A recipe as read from its file.</summary>
/// <param name="Path">Full path of the file.</param>
/// <param name="Recipe">What it says, variables put in.</param>
/// <param name="Settings">What the run was told to set otherwise.</param>
public sealed partial record RecipeFile(string Path, Recipe Recipe, IReadOnlyDictionary<string, string> Settings)
{
    /// <summary>The variable, of a recipe or of the environment, that names the folder of the larger models and data.</summary>
    public const string DataVariable = "COPPICE_DATA";

    /// <summary>That folder's full path; null where nothing names one.</summary>
    internal string? DataFolder { get; private init; }

    /// <summary>Reads a recipe: JSON, comments and trailing commas allowed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="settings">Values for its variables, in JSON or as plain text.</param>
    /// <exception cref="RecipeException">The file is missing or no recipe; the message names the place and what is expected.</exception>
    public static RecipeFile Read(string path, IReadOnlyDictionary<string, string>? settings = null)
    {
        settings ??= new Dictionary<string, string>();
        if (Parse(path) is not JsonObject json)
            throw new RecipeException(path, "", "a recipe is one JSON object {...}.");
        var variables = Variables(path, json, settings);
        Substitute(json, variables, path, "");
        new SchemaCheck(path).Check(json, RecipeSchema.CreateStrict(), "");
        var recipe = json.Deserialize(RecipeJson.Default.Recipe)!;
        new RecipeRanges(path).Check(recipe);
        var file = new RecipeFile(System.IO.Path.GetFullPath(path), recipe, settings);
        return variables.GetValueOrDefault(DataVariable)?.ToString() is { } data ? file with { DataFolder = file.Resolve(data) } : file;
    }

    /// <summary>Full path of the output that the recipe names; null where it names none.</summary>
    public string? OutputFolder => Recipe.Output is { } output ? Resolve(output) : null;

    /// <summary>A path of the recipe from the current folder's view.</summary>
    internal string Resolve(string path) => System.IO.Path.GetFullPath(path, System.IO.Path.GetDirectoryName(Path)!);

    /// <summary>Whether a full path leads into the folder of the larger models and data.</summary>
    internal bool IsData(string path) => DataFolder is not null && System.IO.Path.GetRelativePath(DataFolder, path) is var inner
        && !inner.StartsWith("..", StringComparison.Ordinal) && !System.IO.Path.IsPathRooted(inner);

    private static JsonNode? Parse(string path)
    {
        if (!File.Exists(path))
            throw new RecipeException(path, "", Directory.Exists(path) ? "this is a folder; name the recipe in it." : "there is no such file.");
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path), documentOptions: new()
            {
                AllowDuplicateProperties = false,
                AllowTrailingCommas = true,
                CommentHandling = JsonCommentHandling.Skip,
            });
        }
        catch (JsonException error)
        {
            throw new RecipeException(path, "", $"this is not JSON: {error.Message}", error);
        }
    }

    private static Dictionary<string, JsonNode?> Variables(string path, JsonObject json, IReadOnlyDictionary<string, string> settings)
    {
        var variables = new Dictionary<string, JsonNode?>();
        if (Environment.GetEnvironmentVariable(DataVariable) is { Length: > 0 } data)
            variables[DataVariable] = System.IO.Path.GetFullPath(data);
        foreach (var (name, value) in json["variables"] as JsonObject ?? [])
            variables[name] = value;
        foreach (var (name, text) in settings)
            variables[name] = name == DataVariable || variables.ContainsKey(name)
                ? Value(text)
                : throw new RecipeException(path, "variables", $"there is no '{name}' to set; {Nearest(name, variables.Keys)}");
        return variables;
    }

    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return text;
        }
    }

    /// <summary>Puts variables in: a text that is one alone becomes its value, of whatever type; within a longer text it becomes text.</summary>
    private static void Substitute(JsonNode? node, Dictionary<string, JsonNode?> variables, string path, string place)
    {
        if (node is JsonObject members)
            foreach (var (name, value) in members.ToList())
                if (place.Length > 0 || name != "variables")
                    Substitute(value, variables, path, place.Length == 0 ? name : $"{place}.{name}");
        if (node is JsonArray items)
            for (var i = 0; i < items.Count; i++)
                Substitute(items[i], variables, path, $"{place}[{i}]");
        if (node is JsonValue text && text.GetValueKind() == JsonValueKind.String && text.GetValue<string>().Contains("${", StringComparison.Ordinal))
            Replace(text, Substituted(text.GetValue<string>(), variables, path, place));
    }

    private static void Replace(JsonNode node, JsonNode? value)
    {
        if (node.Parent is JsonObject members)
            members[node.GetPropertyName()] = value;
        else
            node.Parent!.AsArray()[node.GetElementIndex()] = value;
    }

    private static JsonNode? Substituted(string text, Dictionary<string, JsonNode?> variables, string path, string place)
    {
        return Regex.IsMatch(text, RecipeSchema.Placeholder)
            ? Named(text[2..^1])?.DeepClone()
            : VariableName().Replace(text, match => Named(match.Groups[1].Value)?.ToString() ?? "");

        JsonNode? Named(string name) => variables.TryGetValue(name, out var found)
            ? found
            : throw new RecipeException(path, place, name == DataVariable
                ? $"'{text}' is in the folder of the larger models and data; set the environment variable {DataVariable} to that folder."
                : $"there is no variable '{name}'; {Nearest(name, variables.Keys)}");
    }

    private static string Nearest(string name, IEnumerable<string> known) =>
        $"the nearest are {NearestNames.Quoted(name, known.Append(DataVariable).Distinct())}. Give it a value in \"variables\".";

    [GeneratedRegex(@"\$\{(\w+)\}")]
    private static partial Regex VariableName();
}
