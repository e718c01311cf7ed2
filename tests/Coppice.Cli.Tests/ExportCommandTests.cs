using Coppice.Onnx;

namespace Coppice.Cli.Tests;

public sealed class ExportCommandTests : IDisposable
{
    private static readonly string ResNet = TestData.InRepository("samples", "models", "cifar10-resnet", "resnet20-12fca82f.th");

    private readonly TempFolder _folder = new();

    private string Out => Path.Combine(_folder.Path, "out.onnx");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Export_OfAFolder_WritesAFileThatIsVerified()
    {
        var json = (await CommandRun.Of("export", CommandRun.Stories, "-o", Out, "--past", "--json")).Json;
        Assert.InRange(json.GetProperty("verification").GetProperty("largest_difference").GetDouble(), 0, 1e-4);
        Assert.Equal(17, json.GetProperty("opset").GetInt32());
        var input = json.GetProperty("inputs")[1];
        Assert.Equal("past_key_values.0.key", input.GetProperty("name").GetString());
        Assert.Equal("""["batch",4,"past",8]""", input.GetProperty("shape").GetRawText().ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(11, json.GetProperty("outputs").GetArrayLength());
        using var file = OnnxFile.Open(Out);
        Assert.Equal(11, file.Model.Graph!.Outputs.Count);
    }

    [Fact]
    public async Task Export_OfAPrunedImageClassifier_HasItsSizes()
    {
        var half = Path.Combine(_folder.Path, "half.th");
        var pruned = (await CommandRun.Of("prune", ResNet, "--arch", "resnet20", "-o", half, "--structural", "--amount", "0.5", "--json")).Json;
        var run = await CommandRun.Of("export", half, "--arch", "resnet20", "-o", Out);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("takes images F32 [batch, 3, 32, 32]", run.Output, StringComparison.Ordinal);
        using var file = OnnxFile.Open(Out);
        var parameters = file.Model.Graph!.Initializers.Where(tensor => !tensor.Name!.Contains("running", StringComparison.Ordinal))
            .Sum(tensor => tensor.Dims.Aggregate(1L, (product, size) => product * size));
        Assert.Equal(pruned.GetProperty("parameters").GetProperty("after").GetInt64(), parameters);
    }

    [Fact]
    public async Task Export_OntoAFileThatIsThere_IsWrongUsage()
    {
        File.WriteAllText(Out, "mine");
        (await CommandRun.Of("export", CommandRun.Stories, "-o", Out)).AssertFailed(2, "exists", "--overwrite");
        Assert.Equal("mine", File.ReadAllText(Out));
    }

    [Fact]
    public async Task Export_OfAFileWithoutItsArchitecture_IsWrongUsage() =>
        (await CommandRun.Of("export", ResNet, "-o", Out)).AssertFailed(2, "--arch", "resnet20");

    [Theory]
    [InlineData("don't go together", "--mask", "--past")]
    [InlineData("the size of images", "--input", "7")]
    [InlineData("from 17 to 21", "--opset", "12")]
    public async Task Export_WithOptionsThatDontFit_IsWrongUsage(string says, params string[] options) =>
        (await CommandRun.Of(["export", CommandRun.Stories, "-o", Out, .. options])).AssertFailed(2, says);

    [Fact]
    public async Task Export_OfAClassifierWithPast_SaysWhatHasOne() =>
        (await CommandRun.Of("export", CommandRun.Bert, "-o", Out, "--past")).AssertFailed(1, "causal language model");
}
