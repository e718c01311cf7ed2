using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Checkpoints.Writing;
using Coppice.Tensors;

namespace Coppice.Tests.Checkpoints;

public sealed class CheckpointSaveTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(CheckpointFormat.SafeTensors, null)]
    [InlineData(CheckpointFormat.PyTorch, null)]
    [InlineData(CheckpointFormat.SafeTensors, 3_000_000L)]
    [InlineData(CheckpointFormat.PyTorch, 3_000_000L)]
    public void Save_Gpt2ThroughFormatAndBack_KeepsBytesTieAndOtherFiles(CheckpointFormat format, long? shard)
    {
        using var source = Checkpoint.Open(TestData.InRepository("samples", "models", "gpt2-student"));
        source.Save(_folder["there"], options: new() { Format = format, MaxShardBytes = shard });
        using var there = Checkpoint.Open(_folder["there"]);
        Assert.Equal((format, shard is null), (there.Format, there.WeightFiles.Count == 1));
        Samples.AssertSame(source, there);
        there.Save(_folder["back"], options: new() { Format = CheckpointFormat.PyTorch });
        using var back = Checkpoint.Open(_folder["back"]);
        Samples.AssertSame(source, back);
        Assert.Equal(there.WeightFiles.Count, back.WeightFiles.Count);
        Assert.Equal(File.ReadAllBytes(Path.Combine(source.Path, "config.json")), File.ReadAllBytes(_folder["back/config.json"]));
        Assert.Equal(["back", "there"], _folder.Names());
    }

    [Fact]
    public void Save_Shards_KeepLimitAssignmentAndIndex()
    {
        using var source = Checkpoint.Open(TestData.InRepository("samples", "models", "gpt2-student"));
        source.Save(_folder["a"], options: new() { Format = CheckpointFormat.SafeTensors, MaxShardBytes = 3_000_000 });
        using var shards = Checkpoint.Open(_folder["a"]);
        Assert.All(shards.WeightFiles, file => Assert.InRange(new FileInfo(file).Length, 1, 3_010_000));
        shards.Save(_folder["b"]);
        Assert.Equal(File.ReadAllBytes(_folder["a/model.safetensors.index.json"]),
            File.ReadAllBytes(_folder["b/model.safetensors.index.json"]));
        foreach (var file in shards.WeightFiles)
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(_folder["b"], Path.GetFileName(file))));
        using var index = JsonDocument.Parse(File.ReadAllBytes(_folder["b/model.safetensors.index.json"]));
        Assert.Equal(11746304, index.RootElement.GetProperty("metadata").GetProperty("total_size").GetInt64());
        // it is in no file under that name
        Assert.False(index.RootElement.GetProperty("weight_map").TryGetProperty("lm_head.weight", out _));
    }

    [Fact]
    public void Save_OtherFilesAndFolders_AreCarriedButNotStaleWeights()
    {
        Directory.CreateDirectory(_folder["m/sub/deep"]);
        Checkpoint.SaveNew(_folder["m/model.safetensors"], [Samples.Floats("a", 1)]);
        Checkpoint.SaveNew(_folder["m/pytorch_model.bin"], [Samples.Floats("a", 1)]);
        _folder.Write("m/sub/deep/x.txt", "x"u8.ToArray());
        _folder.Write("m/sub/pytorch_model.bin", "not at the top"u8.ToArray());
        _folder.Write("real.json", "{}"u8.ToArray());
        File.CreateSymbolicLink(_folder["m/tokenizer.json"], _folder["real.json"]);
        Directory.CreateSymbolicLink(_folder["m/sub/loop"], _folder["m"]);
        using var source = Checkpoint.Open(_folder["m"]);
        source.Save(_folder["out"]);
        Assert.Equal(["model.safetensors", "sub", "tokenizer.json"],
            Directory.EnumerateFileSystemEntries(_folder["out"]).Select(Path.GetFileName).Order());
        Assert.Null(new FileInfo(_folder["out/tokenizer.json"]).LinkTarget);
        Assert.True(File.Exists(_folder["out/sub/deep/x.txt"]) && File.Exists(_folder["out/sub/pytorch_model.bin"]));
    }

    [Fact]
    public void Save_OddFileName_IsKeptUnlessFormatChanges()
    {
        Directory.CreateDirectory(_folder["m"]);
        Checkpoint.SaveNew(_folder["m/bert_classifier.pt"], [Samples.Floats("a", 1)]);
        using var source = Checkpoint.Open(_folder["m"]);
        source.Save(_folder["same"]);
        source.Save(_folder["changed"], options: new() { Format = CheckpointFormat.SafeTensors });
        Assert.Equal("bert_classifier.pt", Path.GetFileName(Assert.Single(Directory.GetFiles(_folder["same"]))));
        Assert.Equal("model.safetensors", Path.GetFileName(Assert.Single(Directory.GetFiles(_folder["changed"]))));
    }

    [Theory]
    [InlineData("a.pt", CheckpointFormat.PyTorch)]
    [InlineData("a.safetensors", CheckpointFormat.SafeTensors)]
    public void Save_ReplacementOfTiedTensor_StandsForAllNames(string name, CheckpointFormat format)
    {
        var tensor = Tensor.From<float>([1, 2], [2]);
        Checkpoint.SaveNew(_folder[name], [TensorSource.From("x", tensor), TensorSource.From("y", tensor), Samples.Floats("z", 5)]);
        using (var source = Checkpoint.Open(_folder[name]))
        {
            Assert.Equal((format, "x=y"), (source.Format, Assert.Single(Samples.Ties(source))));
            source.Save(_folder["new" + name], [Samples.Floats("y", 3, 4, 5)]);
        }
        using var copy = Checkpoint.Open(_folder["new" + name]);
        Assert.Equal(["x=y"], Samples.Ties(copy));
        Assert.Equal([3, 4, 5], copy["x"].ToTensor().ToArray<float>());
        Assert.Equal([5], copy["z"].ToTensor().ToArray<float>());
    }

    [Fact]
    public void Save_UnknownOrDoubleReplacement_IsRefused()
    {
        Checkpoint.SaveNew(_folder["a.pt"], [Samples.Floats("a", 1)]);
        using var source = Checkpoint.Open(_folder["a.pt"]);
        Assert.Contains("'b'", Assert.Throws<ArgumentException>(() => source.Save(_folder["b.pt"], [Samples.Floats("b", 1)])).Message);
        Assert.Contains("twice",
            Assert.Throws<ArgumentException>(() => source.Save(_folder["b.pt"], [Samples.Floats("a", 1), Samples.Floats("a", 1)])).Message);
        Assert.Equal(["a.pt"], _folder.Names());
    }

    [Fact]
    public void Save_ExistingOutput_IsKeptUnlessOverwritten()
    {
        Checkpoint.SaveNew(_folder["a.pt"], [Samples.Floats("a", 1)]);
        _folder.Write("b.pt", [1]);
        using var source = Checkpoint.Open(_folder["a.pt"]);
        Assert.Contains("exists already", Assert.Throws<CheckpointException>(() => source.Save(_folder["b.pt"])).Message);
        Assert.Equal([1], File.ReadAllBytes(_folder["b.pt"]));
        source.Save(_folder["b.pt"], options: new() { Overwrite = true });
        Assert.Equal(File.ReadAllBytes(_folder["a.pt"]), File.ReadAllBytes(_folder["b.pt"]));
    }

    [Fact]
    public void Save_OntoInput_IsRefusedEvenThroughLink()
    {
        Directory.CreateDirectory(_folder["m"]);
        Checkpoint.SaveNew(_folder["m/model.safetensors"], [Samples.Floats("a", 1)]);
        Directory.CreateSymbolicLink(_folder["link"], _folder["m"]);
        using var source = Checkpoint.Open(_folder["m"]);
        foreach (var output in new[] { "m", "m/", "link", "m/model.safetensors", "m/inside", "" })
            Assert.Contains("input",
                Assert.Throws<CheckpointException>(() => source.Save(_folder[output], options: new() { Overwrite = true })).Message);
        Assert.Single(Directory.GetFiles(_folder["m"]));
    }

    [Fact]
    public void Save_OverwriteFolder_ReplacesCheckpointsOnly()
    {
        Directory.CreateDirectory(_folder["m"]);
        Checkpoint.SaveNew(_folder["m/model.safetensors"], [Samples.Floats("a", 1)]);
        _folder.Write("old/config.json", "{}"u8.ToArray());
        _folder.Write("photos/1.jpg", [1]);
        using var source = Checkpoint.Open(_folder["m"]);
        source.Save(_folder["old"], options: new() { Overwrite = true });
        Assert.Equal("model.safetensors", Path.GetFileName(Assert.Single(Directory.GetFiles(_folder["old"]))));
        Assert.Throws<CheckpointException>(() => source.Save(_folder["photos"], options: new() { Overwrite = true }));
        Assert.True(File.Exists(_folder["photos/1.jpg"]));
        Assert.Equal(["m", "old", "photos"], _folder.Names());
    }

    [Fact]
    public void Save_NoParentFolder_IsRefused()
    {
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.SaveNew(_folder["no/a.pt"], [Samples.Floats("a", 1)]));
        Assert.Contains("does not exist", error.Message);
    }

    [Fact]
    public void Save_TypePyTorchLacks_IsRefusedAndNothingLeft()
    {
        var tensor = Tensor.Empty([2], DType.U32);
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.SaveNew(_folder["a.pt"], [TensorSource.From("w", tensor)]));
        Assert.Contains("Save it as safetensors", error.Message);
        Assert.Empty(_folder.Names());
    }

    [Theory]
    [InlineData("out.pt")]
    [InlineData("out.safetensors")]
    public void Save_FailingSource_LeavesNothingAndThrowsItsError(string name)
    {
        Assert.Throws<InvalidDataException>(() => Checkpoint.SaveNew(_folder[name], [Samples.Floats("a", 1), new Broken()]));
        Assert.Empty(_folder.Names());
    }

    [Fact]
    public void Save_Cancelled_LeavesNothing()
    {
        using var source = Checkpoint.Open(TestData.InRepository("samples", "models", "gpt2-student"));
        using var cancellation = new CancellationTokenSource();
        var options = new SaveOptions { Progress = new Reports(_ => cancellation.Cancel()) };
        Assert.ThrowsAny<OperationCanceledException>(() => source.Save(_folder["out"], options: options, cancellation: cancellation.Token));
        Assert.Empty(_folder.Names());
    }

    [Fact]
    public void Save_Progress_RisesToAllBytes()
    {
        var seen = new List<long>();
        Checkpoint.SaveNew(_folder["a.pt"], [Large("a"), Samples.Floats("b", 1)], new() { Progress = new Reports(seen.Add) });
        Assert.Equal(seen.Order(), seen);
        Assert.Equal(Large("a").ByteLength + 4, seen[^1]);
    }

    [Theory]
    [InlineData("a.pt")]
    [InlineData("a.safetensors")]
    public void SaveNew_SeveralChunks_AreWholeAndEqualEachTime(string name)
    {
        Checkpoint.SaveNew(_folder[name], [Large("a"), Samples.Floats("b", 1)]);
        Checkpoint.SaveNew(_folder["again-" + name], [Large("a"), Samples.Floats("b", 1)]);
        Assert.True(File.ReadAllBytes(_folder[name]).AsSpan().SequenceEqual(File.ReadAllBytes(_folder["again-" + name])));
        using var checkpoint = Checkpoint.Open(_folder[name]);
        Assert.True(Samples.BytesOf(Large("a")).AsSpan().SequenceEqual(Samples.BytesOf(checkpoint["a"])));
    }

    [Fact]
    public void SaveNew_TwoOfOneName_IsRefused() =>
        Assert.Throws<ArgumentException>(() => Checkpoint.SaveNew(_folder["a.pt"], [Samples.Floats("a", 1), Samples.Floats("a", 1)]));

    private static TensorSource Large(string name)
    {
        var values = new float[StreamingWriter.ChunkBytes / 4 * 2 + 7];
        for (var i = 0; i < values.Length; i++)
            values[i] = i;
        return Samples.Floats(name, values);
    }

    private sealed class Reports(Action<long> action) : IProgress<long>
    {
        public void Report(long value) => action(value);
    }

    private sealed class Broken() : TensorSource("broken", DType.F32, [4])
    {
        public override void Read(long byteOffset, Span<byte> destination) => throw new InvalidDataException("broken");
    }
}
