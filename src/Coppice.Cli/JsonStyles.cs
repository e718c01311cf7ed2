using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coppice.Cli;

/// <summary>How results are written as JSON, which has no NaN and no infinity: they are written as text.</summary>
internal static class JsonStyles
{
    /// <summary>To be read on a screen.</summary>
    public static readonly JsonSerializerOptions Screen = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Within a page: the framework's default encoder writes &lt;, &gt; and &amp; as \u escapes, so no name can end the script
    /// element.</summary>
    public static readonly JsonSerializerOptions Page = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };
}
