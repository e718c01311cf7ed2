using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Coppice.Recipes;

namespace Coppice.Tests.Recipes;

public sealed partial class RecipeSchemaTests
{
    private static readonly JsonSerializerOptions Style = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The committed schema is the records', with their documentation as descriptions.</summary>
    [Fact]
    public void Schema_Committed_IsThatOfTheRecords()
    {
        var path = TestData.InRepository("docs", "recipe.schema.json");
        var schema = RecipeSchema.Create();
        Describe(schema, typeof(Recipe), Documentation());
        var text = schema.ToJsonString(Style) + "\n";
        if (Environment.GetEnvironmentVariable("COPPICE_ACCEPT") == "1")
            File.WriteAllText(path, text);
        Assert.True(text == File.ReadAllText(path), "Recipes have changed: run this test with COPPICE_ACCEPT=1 and commit docs/recipe.schema.json.");
    }

    [Fact]
    public void Schema_EveryKey_HasADescription()
    {
        var schema = RecipeSchema.Create();
        Describe(schema, typeof(Recipe), Documentation());
        Assert.Equal("Step size.", (string?)schema["properties"]!["stages"]!["items"]!["anyOf"]![0]!["properties"]!["optimizer"]!["properties"]!
            ["learningRate"]!["description"]);
    }

    /// <summary>Every key of a recipe is explained on its page.</summary>
    [Fact]
    public void Page_OfRecipes_NamesEveryKeyAndWord()
    {
        var page = File.ReadAllText(TestData.InRepository("docs", "recipes.md"));
        Assert.All(Words(RecipeSchema.Create()).Distinct(), word => Assert.Matches($@"`\W*{Regex.Escape(word)}\b", page));
    }

    private static IEnumerable<string> Words(JsonNode? node) => node switch
    {
        JsonArray items => items.SelectMany(Words),
        JsonObject schema => [
            .. (schema["properties"] as JsonObject ?? []).Select(entry => entry.Key),
            .. (schema["enum"] as JsonArray ?? []).OfType<JsonValue>().Select(word => word.GetValue<string>()),
            .. schema.SelectMany(entry => Words(entry.Value))],
        _ => [],
    };

    private static void Describe(JsonObject schema, Type type, Dictionary<string, string> texts)
    {
        if (schema["anyOf"] is JsonArray kinds)
        {
            foreach (var kind in kinds.Cast<JsonObject>())
                Describe(kind, type.GetCustomAttributes<JsonDerivedTypeAttribute>()
                    .Single(derived => (string)derived.TypeDiscriminator! == (string)kind["properties"]!["type"]!["const"]!).DerivedType, texts);
            return;
        }
        foreach (var property in type.GetProperties())
        {
            var name = property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.CamelCase.ConvertName(property.Name);
            if (schema["properties"]?[name] is not JsonObject described || described.ContainsKey("const"))
                continue;
            described["description"] = texts[$"{type.FullName}/{property.Name}"];
            var inner = property.PropertyType.IsGenericType ? property.PropertyType.GetGenericArguments()[^1] : property.PropertyType;
            Describe(described["items"] as JsonObject ?? described, inner, texts);
        }
    }

    private static Dictionary<string, string> Documentation()
    {
        var document = XDocument.Load(Path.ChangeExtension(typeof(Recipe).Assembly.Location, ".xml"));
        return (from member in document.Descendants("member")
                let name = member.Attribute("name")!.Value
                where name.StartsWith("T:", StringComparison.Ordinal)
                from parameter in member.Elements("param")
                select (Key: $"{name[2..]}/{parameter.Attribute("name")!.Value}", Text: Plain(parameter)))
            .ToDictionary(entry => entry.Key, entry => entry.Text);
    }

    private static string Plain(XElement element) => Space().Replace(string.Concat(element.Nodes().Select(node => node switch
    {
        XElement { Name.LocalName: "paramref" } named => JsonNamingPolicy.CamelCase.ConvertName(named.Attribute("name")!.Value),
        XElement { Name.LocalName: "see" } seen => seen.Attribute("cref")!.Value.Split('.')[^1],
        XElement inner => inner.Value,
        _ => node.ToString(),
    })), " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
