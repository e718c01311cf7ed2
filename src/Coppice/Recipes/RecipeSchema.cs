using System.Text.Json.Nodes;
using System.Text.Json.Schema;

namespace Coppice.Recipes;

/// <summary>The JSON schema (draft 2020-12) of recipes, made from the records that hold them; what recipes are checked by.</summary>
public static class RecipeSchema
{
    /// <summary>What stands for a value that is not text.</summary>
    internal const string Placeholder = @"^\$\{\w+\}$";

    private static readonly string[] Replaceable = ["integer", "number", "boolean"];

    /// <summary>The schema for editors: where a number or a truth value is expected, a variable may stand.</summary>
    public static JsonObject Create()
    {
        var schema = CreateStrict();
        AllowPlaceholders(schema);
        schema.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        schema.Insert(1, "title", "Coppice recipe");
        return schema;
    }

    /// <summary>The schema of a recipe whose variables have been put in.</summary>
    internal static JsonObject CreateStrict() => (JsonObject)RecipeJson.Default.Recipe.GetJsonSchemaAsNode(new()
    {
        TreatNullObliviousAsNonNullable = true,
        TransformSchemaNode = (_, node) =>
        {
            if (node["anyOf"] is JsonArray kinds)
                foreach (var kind in kinds)
                    kind!["additionalProperties"] = false;
            return node;
        },
    });

    private static void AllowPlaceholders(JsonNode? node)
    {
        if (node is JsonArray items)
        {
            foreach (var item in items)
                AllowPlaceholders(item);
            return;
        }
        if (node is not JsonObject schema)
            return;
        foreach (var (_, child) in schema.ToList())
            AllowPlaceholders(child);
        var types = SchemaCheck.Types(schema);
        if (!types.Intersect(Replaceable).Any())
            return;
        schema["type"] = new JsonArray([.. types.Append("string").Select(type => (JsonNode)type)]);
        schema["pattern"] = Placeholder;
    }
}
