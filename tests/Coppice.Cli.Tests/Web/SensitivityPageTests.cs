using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Coppice.Cli.Web;

namespace Coppice.Cli.Tests.Web;

public sealed partial class SensitivityPageTests
{
    private const string Hostile = "</script><img src=x onerror=alert(1)>&\"'";

    private static readonly SensitivityReport Report = new($"models/{Hostile}", "text.txt",
        new("perplexity", "relative increase of perplexity", 20,
            [new(Hostile, [Hostile], 10, [new(0.5, 21, 0.05)]), new("h.1.weight", ["h.1.weight"], 10, [new(0.5, 22, 0.1)])]),
        new(0.02, new Dictionary<string, double> { [Hostile] = 0.2, ["h.1.weight"] = 0 }, 0.02, 20.3, 0.015, 1, 0.1, 0.05), null);

    [Fact]
    public void Render_AnyReport_LoadsNothing()
    {
        var page = SensitivityPage.Render(new JsonObject());

        Assert.DoesNotMatch(Loads(), page);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
        Assert.Contains("uPlot (v1.6.32)", page, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"/\*(chart\.css|chart\.js|report\.json)\*/", page);
    }

    [Fact]
    public void Render_HostileNames_StayInsideTheDataAndComeBackWhole()
    {
        var page = SensitivityPage.Render(Report.ToJson());

        Assert.DoesNotContain("<img", page, StringComparison.Ordinal);
        var data = JsonNode.Parse(Data().Match(page).Groups[1].Value)!;
        Assert.True(JsonNode.DeepEquals(Report.ToJson(), data));
        Assert.Equal(["h.1.weight", Hostile], data["groups"]!.AsArray().Select(group => (string)group!["name"]!));
    }

    [Fact]
    public void Render_NumbersThatJsonHasNot_AreText()
    {
        var report = Report with { Result = Report.Result with { Baseline = double.PositiveInfinity } };
        var data = JsonNode.Parse(Data().Match(SensitivityPage.Render(report.ToJson())).Groups[1].Value)!;
        Assert.Equal("Infinity", (string)data["baseline"]!);
    }

    [Fact]
    public void ToJson_GroupsKeptWhole_AreLeftOutOfTheCommand()
    {
        var command = (string)Report.ToJson()["suggestion"]!["command"]!;

        Assert.DoesNotContain("h.1.weight", command, StringComparison.Ordinal);
    }

    [GeneratedRegex("""<script type="application/json" id="report">(.*?)</script>""", RegexOptions.Singleline)]
    private static partial Regex Data();

    /// <summary>Whatever makes a browser fetch: attributes and style rules with an address, imports, requests from scripts.</summary>
    [GeneratedRegex(@"\s(src|href|action|data|poster|srcset)\s*=|url\(|@import|\bimport\s*\(|fetch\(|XMLHttpRequest|sendBeacon|WebSocket"
        + "|<link|<iframe", RegexOptions.IgnoreCase)]
    private static partial Regex Loads();
}
