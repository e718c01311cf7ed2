using System.Text.Json.Nodes;

namespace Coppice.Cli.Web;

/// <summary>The sensitivity report as one HTML file that loads nothing.</summary>
internal static class SensitivityPage
{
    /// <summary>Fills the template with the chart library and the report.</summary>
    /// <param name="report">The report's JSON; the page shows nothing else.</param>
    public static string Render(JsonObject report) => Resource("sensitivity.html")
        .Replace("/*chart.css*/", Resource("uPlot.min.css"), StringComparison.Ordinal)
        .Replace("/*chart.js*/", Resource("uPlot.iife.min.js"), StringComparison.Ordinal)
        .Replace("/*report.json*/", report.ToJsonString(JsonStyles.Page), StringComparison.Ordinal);

    private static string Resource(string name)
    {
        using var stream = typeof(SensitivityPage).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The resource {name} is missing from the program; build it anew.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
