using System.Text.Json;
using Coppice.Checkpoints;
using static Coppice.Tests.Checkpoints.PyTorch.Pickles;

namespace Coppice.Tests.Checkpoints.PyTorch;

public sealed class TorchFileTests
{
    private static readonly byte[] Data = [0, 0, 128, 63, 0, 0, 0, 64]; // 1, 2

    public static TheoryData<string, byte[], string> Damaged => new()
    {
        { "outside its storage", Zip(DictOf(Tensor(2, 1, [2], [1])), ("archive/data/0", Data)), "not within its storage" },
        { "negative offset", Zip(DictOf(Tensor(2, -1, [1], [1])), ("archive/data/0", Data)), "not within its storage" },
        { "negative count", Zip(DictOf(Tensor(-2, 0, [2], [1])), ("archive/data/0", Data)), "claims -2 elements" },
        { "strides that do not match", Zip(DictOf(Tensor(2, 0, [2], [1, 1])), ("archive/data/0", Data)), "matching tuples" },
        { "storage too short", Zip(DictOf(Tensor(3, 0, [3], [1])), ("archive/data/0", Data)), "need 12" },
        { "storage missing", Zip(DictOf(Tensor(2, 0, [2], [1]))), "no entry 'archive/data/0'" },
        { "storage outside its folder", Zip(DictOf(Tensor(2, 0, [2], [1], key: "../../data/0")), ("archive/data/0", Data)), "no entry" },
        { "unknown storage class", Zip(DictOf(Tensor(2, 0, [2], [1], type: "EvilStorage")), ("archive/data/0", Data)),
            "torch.EvilStorage" },
        { "big-endian", Zip(DictOf(Tensor(2, 0, [2], [1])), ("archive/data/0", Data), ("archive/byteorder", "big"u8.ToArray())),
            "big-endian" },
        { "TorchScript", Zip(DictOf("N"), ("archive/constants.pkl", [])), "TorchScript" },
        { "no pickle", Zip(DictOf("N"), ("other/data.pkl", [])), "2 pickles" },
        { "no tensors", Zip(DictOf("N")), "no dict of named tensors" },
        { "attack in the archive", Zip(Of("cposix\nsystem\n", Text("x"), "\x85R")), "posix.system" },
        { "attack as legacy file", Of("cposix\nsystem\n", Text("x"), "\x85R"), "posix.system" },
        { "pickle of something else", Of("}"), "none that torch.save wrote" },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Open_Damaged_IsRefused(string what, byte[] bytes, string says)
    {
        using var folder = new TempFolder();
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Write("x.pt", bytes)));
        Assert.Contains(says, error.Message);
        Assert.True(error.Message.StartsWith(folder.Path, StringComparison.Ordinal), what);
    }

    [Fact]
    public void Open_HandMade_IsRead()
    {
        using var folder = new TempFolder();
        using var checkpoint = Checkpoint.Open(folder.Write("x", Zip(DictOf(Tensor(2, 0, [2], [1])), ("archive/data/0", Data))));
        Assert.Equal([1f, 2f], checkpoint["w"].ToTensor().ToArray<float>());
    }

    [Theory]
    [InlineData("nested.pt")]
    [InlineData("legacy.pt")]
    [InlineData("compressed.pt")]
    public void Open_WrittenByTorch_HasTorchsValues(string file)
    {
        using var checkpoint = Checkpoint.Open(TestData.InRepository("tests", "Golden", "checkpoints", file));
        AssertExpected(checkpoint);
        Assert.Equal(["lm_head.weight=tied_view=wte.weight"], Samples.Ties(checkpoint));
    }

    [Theory]
    [InlineData("nested.pt")]
    [InlineData("legacy.pt")]
    [InlineData("compressed.pt")]
    public void Save_Copy_KeepsValuesTiesAndStructure(string file)
    {
        using var folder = new TempFolder();
        using (var source = Checkpoint.Open(TestData.InRepository("tests", "Golden", "checkpoints", file)))
        {
            source.Save(folder["first.pt"]);
            source.Save(folder["again.pt"]);
        }
        Assert.Equal(File.ReadAllBytes(folder["first.pt"]), File.ReadAllBytes(folder["again.pt"]));
        using var copy = Checkpoint.Open(folder["first.pt"]);
        AssertExpected(copy);
        Assert.Equal(["lm_head.weight=tied_view=wte.weight"], Samples.Ties(copy));
        copy.Save(folder["second.pt"]);
        Assert.Equal(File.ReadAllBytes(folder["first.pt"]), File.ReadAllBytes(folder["second.pt"])); // nothing around the tensors was lost
        Assert.True(File.ReadAllBytes(folder["first.pt"]).AsSpan().IndexOf("param_groups"u8) > 0);
    }

    [Fact]
    public void Read_UnalignedRangesOfStridedTensor_AreItsBytes()
    {
        using var checkpoint = Checkpoint.Open(TestData.InRepository("tests", "Golden", "checkpoints", "nested.pt"));
        var tensor = checkpoint["transposed"];
        var whole = Samples.BytesOf(tensor);
        var part = new byte[13];
        for (var offset = 0; offset + part.Length <= whole.Length; offset++)
        {
            tensor.Read(offset, part);
            Assert.Equal(whole[offset..(offset + part.Length)], part);
        }
    }

    private static void AssertExpected(Checkpoint checkpoint)
    {
        using var expected = JsonDocument.Parse(File.ReadAllBytes(TestData.InRepository("tests", "Golden", "checkpoints",
            "expected.json")));
        Assert.Equal(expected.RootElement.EnumerateObject().Select(entry => entry.Name), checkpoint.Tensors.Select(tensor => tensor.Name));
        foreach (var entry in expected.RootElement.EnumerateObject())
        {
            var tensor = checkpoint[entry.Name];
            Assert.Equal(entry.Value.GetProperty("dtype").GetString(), tensor.DType.ToString());
            Assert.Equal(entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()), tensor.Shape);
            Assert.Equal(entry.Value.GetProperty("hex").GetString(), Convert.ToHexStringLower(Samples.BytesOf(tensor)));
        }
    }
}
