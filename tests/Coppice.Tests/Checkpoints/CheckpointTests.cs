using System.Text;
using Coppice.Checkpoints;

namespace Coppice.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_Gpt2Folder_ListsTensorsAndTie()
    {
        using var checkpoint = Checkpoint.Open(TestData.InRepository("samples", "models", "gpt2-student"));
        Assert.Equal((CheckpointFormat.PyTorch, true, 149), (checkpoint.Format, checkpoint.IsFolder, checkpoint.Tensors.Count));
        Assert.Equal(["lm_head.weight=transformer.wte.weight"], Samples.Ties(checkpoint));
        Assert.True(checkpoint["lm_head.weight"].TryGetSpan(4, 8, out var bytes));
        Assert.Equal(Samples.BytesOf(checkpoint["transformer.wte.weight"])[4..12], bytes.ToArray());
    }

    [Fact]
    public void Open_Missing_IsRefused() => AssertRefused("nothing", "no such file");

    [Fact]
    public void Open_FolderWithoutWeights_IsRefused()
    {
        _folder.Write("m/config.json", "{}"u8.ToArray());
        _folder.Write("m/training_args.bin", [1]);
        AssertRefused("m", "holds no weights");
    }

    [Fact]
    public void Open_FolderWithSeveralCandidates_IsRefusedNamingThem()
    {
        _folder.Write("m/a.pt", [1]);
        _folder.Write("m/b.safetensors", [1]);
        AssertRefused("m", "a.pt, b.safetensors");
    }

    [Fact]
    public void Open_BothFormats_PrefersSafeTensors()
    {
        Directory.CreateDirectory(_folder["m"]);
        Checkpoint.SaveNew(_folder["m/model.safetensors"], [Samples.Floats("a", 1)]);
        Checkpoint.SaveNew(_folder["m/pytorch_model.bin"], [Samples.Floats("b", 1)]);
        using var checkpoint = Checkpoint.Open(_folder["m"]);
        Assert.Equal("a", Assert.Single(checkpoint.Tensors).Name);
    }

    [Fact]
    public void Open_WrongExtension_IsToldByContent()
    {
        Checkpoint.SaveNew(_folder["a.bin"], [Samples.Floats("a", 1)], new() { Format = CheckpointFormat.SafeTensors });
        using var checkpoint = Checkpoint.Open(_folder["a.bin"]);
        Assert.Equal(CheckpointFormat.SafeTensors, checkpoint.Format);
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../a.safetensors"}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{"a":"/etc/passwd"}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{"a":".."}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{"a":1}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{"a":null}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{}}""", "weight_map")]
    [InlineData("""{}""", "weight_map")]
    [InlineData("""[1]""", "weight_map")]
    [InlineData("""{"weight_map":{"a":"s","a":"s"}}""", "can't be read")]
    [InlineData("""{""", "can't be read")]
    [InlineData("""{"weight_map":{"a":"missing.safetensors"}}""", "can't be opened")]
    [InlineData("""{"weight_map":{"a":"s","b":"s"}}""", "'b' is missing")]
    public void Open_DamagedIndex_IsRefused(string index, string says)
    {
        _folder.Write("m/model.safetensors.index.json", Encoding.UTF8.GetBytes(index));
        Checkpoint.SaveNew(_folder["m/s"], [Samples.Floats("a", 1)], new() { Format = CheckpointFormat.SafeTensors });
        AssertRefused("m", says);
    }

    [Fact]
    public void Open_TensorInTwoShards_TakesTheIndexsOrRefuses()
    {
        _folder.Write("m/model.safetensors.index.json", """{"weight_map":{"a":"1","b":"2"}}"""u8.ToArray());
        Checkpoint.SaveNew(_folder["m/1"], [Samples.Floats("a", 1)], new() { Format = CheckpointFormat.SafeTensors });
        Checkpoint.SaveNew(_folder["m/2"], [Samples.Floats("a", 2), Samples.Floats("b", 3)],
            new() { Format = CheckpointFormat.SafeTensors });
        using (var checkpoint = Checkpoint.Open(_folder["m"]))
            Assert.Equal([1f], checkpoint["a"].ToTensor().ToArray<float>());
        _folder.Write("m/model.safetensors.index.json", """{"weight_map":{"b":"2","c":"1"}}"""u8.ToArray());
        Checkpoint.SaveNew(_folder["m/1"], [Samples.Floats("a", 1), Samples.Floats("c", 1)],
            new() { Format = CheckpointFormat.SafeTensors, Overwrite = true });
        AssertRefused("m", "in another shard too");
    }

    [Fact]
    public void Indexer_UnknownName_NamesIt()
    {
        Checkpoint.SaveNew(_folder["a.pt"], [Samples.Floats("a", 1)]);
        using var checkpoint = Checkpoint.Open(_folder["a.pt"]);
        Assert.Contains("'x'", Assert.Throws<KeyNotFoundException>(() => checkpoint["x"]).Message);
    }

    private void AssertRefused(string name, string says) =>
        Assert.Contains(says, Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder[name])).Message);
}
