using System.Text.Json;
using System.Text.Json.Nodes;

namespace Coppice.Cli.Tests;

public sealed class TerminalTests
{
    [Fact]
    public void Result_NumbersThatJsonHasNot_AreText()
    {
        using StringWriter output = new(), error = new();
        new Terminal(json: true, quiet: true, output, error).Result(() => new JsonObject
        {
            ["kl"] = double.NaN,
            ["threshold"] = double.PositiveInfinity,
            ["logits"] = new JsonArray(1.5f, float.NegativeInfinity),
        }, () => { });
        var json = JsonElement.Parse(output.ToString());
        Assert.Equal("NaN", json.GetProperty("kl").GetString());
        Assert.Equal("Infinity", json.GetProperty("threshold").GetString());
        Assert.Equal(1.5f, json.GetProperty("logits")[0].GetSingle());
        Assert.Equal("-Infinity", json.GetProperty("logits")[1].GetString());
    }
}
