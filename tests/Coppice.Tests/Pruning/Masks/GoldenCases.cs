using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

/// <summary>The cases of torch.nn.utils.prune in tests/Golden/prune, with their tensors.</summary>
internal static class GoldenCases
{
    private static readonly string Folder = TestData.InRepository("tests", "Golden", "prune");
    private static readonly byte[] File = System.IO.File.ReadAllBytes(Path.Combine(Folder, "tensors.safetensors"));
    private static readonly int HeaderLength = (int)BinaryPrimitives.ReadUInt64LittleEndian(File);
    private static readonly JsonElement Header = JsonDocument.Parse(File.AsMemory(8, HeaderLength)).RootElement;

    public static IReadOnlyDictionary<string, JsonElement> All { get; } = JsonDocument
        .Parse(System.IO.File.ReadAllBytes(Path.Combine(Folder, "cases.json"))).RootElement
        .GetProperty("cases").EnumerateArray().ToDictionary(c => c.GetProperty("id").GetString()!);

    /// <summary>A fresh copy of an F32 tensor of the file.</summary>
    public static Tensor Read(string name)
    {
        var entry = Header.GetProperty(name);
        var shape = Shape.Create([.. entry.GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())]);
        var offsets = entry.GetProperty("data_offsets");
        var bytes = File.AsSpan(8 + HeaderLength)[offsets[0].GetInt32()..offsets[1].GetInt32()];
        return Tensor.From(MemoryMarshal.Cast<byte, float>(bytes), shape);
    }
}
