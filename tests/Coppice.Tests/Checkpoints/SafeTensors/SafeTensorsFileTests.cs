using Coppice.Checkpoints;
using Coppice.Checkpoints.SafeTensors;
using Coppice.Tensors;

namespace Coppice.Tests.Checkpoints.SafeTensors;

public sealed class SafeTensorsFileTests
{
    public static TheoryData<string, string, int, string> Damaged => new()
    {
        { "cut short", Entry("a", "[4]", 0, 16), 15, "ends at byte 16" },
        { "hole at the start", Entry("a", "[4]", 4, 20), 20, "leaving a hole" },
        { "hole between", $"{Entry("a", "[1]", 0, 4)},{Entry("b", "[1]", 8, 12)}", 12, "'b' begins at byte 8" },
        { "overlap", $"{Entry("a", "[4]", 0, 16)},{Entry("b", "[4]", 0, 16)}", 16, "overlapping" },
        { "bytes of no tensor", Entry("a", "[4]", 0, 16), 17, "belong to no tensor" },
        { "shape against offsets", Entry("a", "[400]", 0, 16), 16, "needs 1600 bytes" },
        { "negative size", Entry("a", "[-4]", 0, 16), 16, "shape of tensor 'a'" },
        { "size over an axis' limit", Entry("a", "[4611686018427387904,4]", 0, 16), 16, "no size" },
        { "sizes that overflow", Entry("a", "[2147483647,2147483647,2147483647]", 0, 16), 16, "no size" },
        { "size over 63 bits", Entry("a", "[18446744073709551615]", 0, 16), 16, "shape of tensor 'a'" },
        { "fractional size", Entry("a", "[1.5]", 0, 16), 16, "whole numbers" },
        { "too many axes", Entry("a", $"[{string.Join(",", Enumerable.Repeat(1, 65))}]", 0, 4), 4, "more than 64" },
        { "offsets reversed", Entry("a", "[4]", 16, 0), 16, "before its beginning" },
        { "three offsets", """ "a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]} """, 4, "more than 2" },
        { "unknown type", """ "a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]} """, 4, "unknown type 'F31'" },
        { "half a byte", """ "a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]} """, 1, "no size" },
        { "unknown key", """ "a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1} """, 4, "unknown key 'x'" },
        { "missing key", """ "a":{"dtype":"F32","shape":[1]} """, 4, "lacks" },
        { "key twice", """ "a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]} """, 4, "'dtype' twice" },
        { "tensor twice", $"{Entry("a", "[1]", 0, 4)},{Entry("a", "[1]", 0, 4)}", 4, "names 'a' twice" },
        { "tensor twice, escaped", $"{Entry("a", "[1]", 0, 4)},{Entry("\\u0061", "[1]", 0, 4)}", 4, "names 'a' twice" },
        { "metadata twice", """ "__metadata__":{},"__metadata__":{} """, 0, "twice" },
        { "metadata key twice", """ "__metadata__":{"a":"","a":""} """, 0, "twice" },
        { "metadata that is no text", """ "__metadata__":{"a":1} """, 0, "JSON string" },
        { "nesting", """ "a":[[[[[[1]]]]]] """, 0, "JSON object" },
        { "lone surrogate", """ "\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]} """, 4, "not the JSON" },
        { "comment", """ /* */ "a":1 """, 0, "not the JSON" },
        { "second object", "}{", 0, "not the JSON" },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Open_DamagedHeader_IsRefused(string what, string entries, int dataLength, string says) =>
        AssertRefused(what, Samples.SafeTensors($"{{{entries}}}", dataLength), says);

    [Fact]
    public void Open_EmptyFile_IsRefused() => AssertRefused("empty", [], "is empty");

    [Fact]
    public void Open_FewBytes_IsRefused() => AssertRefused("few", [1, 0, 0], "too few");

    [Fact]
    public void Open_HeaderOverLimit_IsRefused() =>
        AssertRefused("limit", [0, 0, 0, 0x40, 0, 0, 0, 0, (byte)'{'], $"limit of {SafeTensorsFile.MaxHeaderBytes}");

    [Fact]
    public void Open_HeaderLengthNegative_IsRefused() =>
        AssertRefused("negative", [255, 255, 255, 255, 255, 255, 255, 255, (byte)'{'], "over the limit");

    [Fact]
    public void Open_HeaderBeyondFile_IsRefused() =>
        AssertRefused("beyond", [9, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}'], "the file ends after 10");

    [Fact]
    public void Open_HeaderNotUtf8_IsRefused() =>
        AssertRefused("UTF-8", [4, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'"', 255, (byte)'}'], "UTF-8");

    [Fact]
    public void Open_Text_IsRefusedByExtensionOrContent()
    {
        AssertRefused("text", "hello world, this is no model"u8.ToArray(), "over the limit");
        using var folder = new TempFolder();
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Write("x",
            "hello world, this is no model"u8.ToArray())));
        Assert.Contains("neither a safetensors nor a PyTorch file", error.Message);
    }

    [Fact]
    public void Open_GitLfsPointer_SaysHowToFetch()
    {
        using var folder = new TempFolder();
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Write("x.bin",
            "version https://git-lfs.github.com/spec/v1\n"u8.ToArray())));
        Assert.Contains("git lfs pull", error.Message);
    }

    [Theory]
    [InlineData("F32", DType.F32)]
    [InlineData("F64", DType.F64)]
    [InlineData("F16", DType.F16)]
    [InlineData("BF16", DType.BF16)]
    [InlineData("I64", DType.I64)]
    [InlineData("I32", DType.I32)]
    [InlineData("I16", DType.I16)]
    [InlineData("I8", DType.I8)]
    [InlineData("U64", DType.U64)]
    [InlineData("U32", DType.U32)]
    [InlineData("U16", DType.U16)]
    [InlineData("U8", DType.U8)]
    [InlineData("BOOL", DType.Bool)]
    [InlineData("C64", DType.C64)]
    [InlineData("F8_E5M2", DType.F8E5M2)]
    [InlineData("F8_E4M3", DType.F8E4M3)]
    [InlineData("F8_E8M0", DType.F8E8M0)]
    [InlineData("F6_E2M3", DType.F6E2M3)]
    [InlineData("F6_E3M2", DType.F6E3M2)]
    [InlineData("F4", DType.F4)]
    public void Save_EveryType_IsCarried(string name, DType dtype)
    {
        var length = 4 * dtype.BitSize() / 8;
        var bytes = Samples.SafeTensors($$""" {"w":{"dtype":"{{name}}","shape":[2,2],"data_offsets":[0,{{length}}] } } """.Trim(), length);
        new Random(1).NextBytes(bytes.AsSpan(bytes.Length - length));
        using var folder = new TempFolder();
        using var source = Checkpoint.Open(folder.Write("a", bytes));
        Assert.Equal(dtype, source["w"].DType);
        source.Save(folder["b.safetensors"]);
        using var copy = Checkpoint.Open(folder["b.safetensors"]);
        Samples.AssertSame(source, copy);
    }

    [Fact]
    public void Save_Metadata_IsKeptAndFormatAdded()
    {
        using var folder = new TempFolder();
        var bytes = Samples.SafeTensors("""{"__metadata__":{"licence":"MIT"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   """, 1);
        using (var source = Checkpoint.Open(folder.Write("a.safetensors", bytes)))
            source.Save(folder["b.safetensors"]);
        using var copy = Checkpoint.Open(folder["b.safetensors"]);
        Assert.Equal(new Dictionary<string, string> { ["format"] = "pt", ["licence"] = "MIT" }, copy.Metadata);
        Assert.Equal(0, (File.ReadAllBytes(folder["b.safetensors"]).Length - 1) % 8);
    }

    [Fact]
    public void Save_MixedTypes_AlignsWidestFirst()
    {
        using var folder = new TempFolder();
        Checkpoint.SaveNew(folder["a.safetensors"],
            [TensorSource.From("byte", Tensor.From<byte>([1, 2, 3], [3])), Samples.Floats("float", 1),
                TensorSource.From("long", Tensor.From<long>([7], [1]))]);
        using var checkpoint = Checkpoint.Open(folder["a.safetensors"]);
        Assert.Equal(["long", "float", "byte"], checkpoint.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([7L], checkpoint["long"].ToTensor().ToArray<long>());
    }

    private static string Entry(string name, string shape, long begin, long end) =>
        $$""" "{{name}}":{"dtype":"F32","shape":{{shape}},"data_offsets":[{{begin}},{{end}}]} """;

    private static void AssertRefused(string what, byte[] bytes, string says)
    {
        using var folder = new TempFolder();
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Write("x.safetensors", bytes)));
        Assert.Contains(says, error.Message);
        Assert.True(error.Message.StartsWith(folder.Path, StringComparison.Ordinal), what);
    }
}
