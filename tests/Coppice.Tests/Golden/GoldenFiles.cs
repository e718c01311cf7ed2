using System.Security.Cryptography;
using System.Text.Json;
using Coppice.Checkpoints;

namespace Coppice.Tests.Golden;

/// <summary>What PyTorch computed, and the samples it computed it on.</summary>
internal static class GoldenFiles
{
    public static string Model(string name) => TestData.InRepository("samples", "models", name);

    public static string PathOf(string model, string file) => TestData.InRepository("tests", "Golden", model, file);

    public static JsonElement Json(string model, string file) => JsonElement.Parse(File.ReadAllBytes(PathOf(model, file)));

    public static int[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetInt32())];

    /// <summary>I32 tensors, such as token ids.</summary>
    public static int[] Numbers(TensorSource source) => source.ToTensor().ToArray<int>();

    public static byte[] Bytes(TensorSource source)
    {
        var bytes = new byte[source.ByteLength];
        source.Read(0, bytes);
        return bytes;
    }

    /// <summary>Asserts that tensors of a file have these SHA-256 of their raw bytes.</summary>
    public static void AssertHashes(JsonElement expected, Checkpoint checkpoint)
    {
        Assert.NotEmpty(expected.EnumerateObject());
        foreach (var (name, hash) in expected.EnumerateObject().Select(entry => (entry.Name, entry.Value.GetString())))
            Assert.True(hash == Convert.ToHexStringLower(SHA256.HashData(Bytes(checkpoint[name]))), name);
    }

    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"at {i}: {actual[i]} instead of {expected[i]}");
    }
}
