using Coppice.Checkpoints;

namespace Coppice.Tests.Checkpoints;

/// <summary>Copies in which tensors are renamed, left out and added.</summary>
public sealed class CheckpointSaveChangesTests : IDisposable
{
    private static readonly TensorSource[] Three = [Samples.Floats("a", 1), Samples.Floats("b", 2), Samples.Floats("c", 3)];

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("in.safetensors", "out.safetensors")]
    [InlineData("in.pt", "out.pt")]
    [InlineData("in.pt", "out.safetensors")]
    [InlineData("in.safetensors", "out.pt")]
    public void Save_Changes_RenameRemoveAndAddInPlace(string input, string output)
    {
        Checkpoint.SaveNew(_folder[input], Three);
        using var source = Checkpoint.Open(_folder[input]);
        source.Save(_folder[output], new Dictionary<string, IReadOnlyList<TensorSource>>
        {
            ["a"] = [Samples.Floats("x", 7), Samples.Floats("y", 8)],
            ["b"] = [],
        });
        using var copy = Checkpoint.Open(_folder[output]);
        Assert.Equal(["x", "y", "c"], copy.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([7, 8, 3], copy.Tensors.Select(tensor => tensor.ToSingle().ToArray<float>()[0]));
    }

    [Fact]
    public void Save_ChangesInAStructuredFile_KeepWhatIsAroundAndItsPaths()
    {
        using (var source = Checkpoint.Open(TestData.InRepository("tests", "Golden", "checkpoints", "nested.pt")))
        {
            var first = source.Tensors[0];
            source.Save(_folder["out.pt"], new Dictionary<string, IReadOnlyList<TensorSource>>
            {
                [first.Name] = [new NamedTensor(first.Name + "_renamed", first)],
            });
            using var copy = Checkpoint.Open(_folder["out.pt"]);
            Assert.Equal(source.Tensors.Select((tensor, i) => i == 0 ? tensor.Name + "_renamed" : tensor.Name),
                copy.Tensors.Select(tensor => tensor.Name));
            Assert.Equal(Samples.BytesOf(first), Samples.BytesOf(copy.Tensors[0]));
        }
    }

    [Fact]
    public void Save_ChangesInShards_KeepTheIndexRight()
    {
        Directory.CreateDirectory(_folder["in"]);
        _folder.Write("in/config.json", "{}"u8.ToArray());
        Checkpoint.SaveNew(_folder["in/model.safetensors"], Three);
        using (var whole = Checkpoint.Open(_folder["in"]))
            whole.Save(_folder["shards"], options: new() { MaxShardBytes = 4 });
        using (var shards = Checkpoint.Open(_folder["shards"]))
        {
            Assert.Equal(3, shards.WeightFiles.Count);
            shards.Save(_folder["out"], new Dictionary<string, IReadOnlyList<TensorSource>>
            {
                ["a"] = [Samples.Floats("x", 7)],
                ["b"] = [],
            });
        }
        using var copy = Checkpoint.Open(_folder["out"]);
        Assert.Equal(["c", "x"], copy.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Save_ChangesThatDoNotFit_AreRefusedAndNothingIsWritten()
    {
        Checkpoint.SaveNew(_folder["in.pt"], Three);
        using (var source = Checkpoint.Open(_folder["in.pt"]))
        {
            AssertRefused(source, "no tensor 'z'", "z", []);
            AssertRefused(source, "Two tensors would be named 'c'", "a", [Samples.Floats("c", 1)]);
        }
        Assert.Equal(["in.pt"], _folder.Names());
    }

    private void AssertRefused(Checkpoint source, string says, string name, IReadOnlyList<TensorSource> tensors) =>
        Assert.Contains(says, Assert.Throws<ArgumentException>(() =>
            source.Save(_folder["out.pt"], new Dictionary<string, IReadOnlyList<TensorSource>> { [name] = tensors })).Message,
            StringComparison.Ordinal);
}
