using System.Text.Json;

namespace Coppice.Cli.Tests;

public sealed class InspectCommandTests
{
    [Fact]
    public async Task Architecture_ThatIsNotKnown_IsWrongUsage() =>
        (await CommandRun.Of("inspect", "x.th", "--arch", "foo")).AssertFailed(ExitCode.Usage, "--arch foo is none of", "resnet20");

    [Fact]
    public async Task Json_OfGpt2_HasTensorsTotalsScopeAndTies()
    {
        var json = (await CommandRun.Of("inspect", CommandRun.Gpt2, "--json")).Json;
        var totals = json.GetProperty("totals");
        Assert.Equal(2936576, totals.GetProperty("parameters").GetInt64());
        Assert.Equal(0, totals.GetProperty("zeros").GetInt64());
        var scope = json.GetProperty("scope");
        Assert.Equal(48, scope.GetProperty("weights").GetArrayLength());
        Assert.Equal(2359296, scope.GetProperty("elements").GetInt64());
        Assert.Equal(2359296 / 2936576.0, scope.GetProperty("share").GetDouble(), 12);
        string[] tied = [.. json.GetProperty("tied")[0].EnumerateArray().Select(name => name.GetString()!)];
        Assert.Equal(["lm_head.weight", "transformer.wte.weight"], tied.Order(StringComparer.Ordinal));
        var fused = json.GetProperty("tensors").EnumerateArray().Single(t =>
            t.GetProperty("name").GetString() == "transformer.h.0.attn.c_attn.weight");
        Assert.Equal([128, 384], fused.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
        Assert.Equal("F32", fused.GetProperty("dtype").GetString());
        Assert.True(fused.GetProperty("in_scope").GetBoolean());
        Assert.Equal(JsonValueKind.Null, fused.GetProperty("why_out").ValueKind);
    }

    [Fact]
    public async Task Table_OfGpt2_ShowsTensorsScopeAndTies()
    {
        var run = await CommandRun.Of("inspect", CommandRun.Gpt2);
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("default scope: 48 weights, 2,359,296 elements, 80.34 % of the parameters", run.Output, StringComparison.Ordinal);
        Assert.Contains("tied: ", run.Output, StringComparison.Ordinal);
        Assert.Contains("no: an embedding", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_OfATensor_PrintsItsCorner()
    {
        var json = (await CommandRun.Of("inspect", CommandRun.StoriesFile, "--show", "model.norm.weight", "--cols", "3", "--json")).Json;
        Assert.Equal("model.norm.weight", json.GetProperty("name").GetString());
        var row = Assert.Single(json.GetProperty("corner").EnumerateArray());
        Assert.Equal(3, row.GetArrayLength());
        var table = (await CommandRun.Of("inspect", CommandRun.StoriesFile, "--show", "model.layers.0.mlp.up_proj.weight", "--rows", "2",
            "--cols", "4")).Output;
        var lines = table.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.All(lines[1..], line => Assert.Equal(4, line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length));
    }

    [Fact]
    public async Task Show_OfAMissingTensor_IsRefused() =>
        (await CommandRun.Of("inspect", CommandRun.StoriesFile, "--show", "nothing.weight"))
            .AssertFailed(ExitCode.Failed, "nothing.weight", "coppice inspect");

    [Fact]
    public async Task Show_OfNoRows_IsWrongUsage() =>
        (await CommandRun.Of("inspect", CommandRun.StoriesFile, "--show", "model.norm.weight", "--rows", "0"))
            .AssertFailed(ExitCode.Usage, "--rows");

    [Theory]
    [InlineData("a", 0, 4)]
    [InlineData("b", 4, 0)]
    public async Task Show_OfATensorWithoutElements_SaysSo(string name, int rows, int columns)
    {
        using var folder = new TempFolder();
        var path = TinyCheckpoint.Write(folder, "empty.safetensors", (name, [rows, columns], []));
        Assert.Equal($"{name} F32 [{rows}, {columns}]: no elements.", (await CommandRun.Of("inspect", path, "--show", name)).Output.Trim());
        Assert.Equal(0, (await CommandRun.Of("inspect", path, "--show", name, "--json")).Json.GetProperty("corner").GetArrayLength());
    }

    [Fact]
    public async Task Show_OfAScalar_PrintsIt()
    {
        using var folder = new TempFolder();
        var path = TinyCheckpoint.Write(folder, "scalar.safetensors", ("s", [], [1.5f]));
        Assert.EndsWith("1.500000", (await CommandRun.Of("inspect", path, "--show", "s")).Output.Trim(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Findings_OfOddTensors_AreListed()
    {
        using var folder = new TempFolder();
        var path = TinyCheckpoint.Write(folder, "odd.safetensors", ("a.weight", [1, 4], [1, float.NaN, 3, float.PositiveInfinity]),
            ("b.weight_orig", [2, 2], [1, 2, 3, 4]),
            ("c.weight", [2, 2], [0, 0, 0, 0]));
        var json = (await CommandRun.Of("inspect", path, "--json")).Json;
        string[] findings = [.. json.GetProperty("findings").EnumerateArray().Select(finding => finding.GetString()!)];
        Assert.Equal(3, findings.Length);
        Assert.Contains("'a.weight' holds 2 NaN or infinite of 4 elements", findings[0], StringComparison.Ordinal);
        Assert.Contains("'b.weight_orig'", findings[1], StringComparison.Ordinal);
        Assert.Contains("'c.weight' is all zeros", findings[2], StringComparison.Ordinal);
        var corner = (await CommandRun.Of("inspect", path, "--show", "a.weight", "--json")).Json.GetProperty("corner")[0];
        Assert.Equal("NaN", corner[1].GetString());
        Assert.Equal("Infinity", corner[3].GetString());
    }
}
