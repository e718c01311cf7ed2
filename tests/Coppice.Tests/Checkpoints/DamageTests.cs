using Coppice.Checkpoints;

namespace Coppice.Tests.Checkpoints;

public sealed class DamageTests
{
    [Theory]
    [InlineData("nested.pt")]
    [InlineData("legacy.pt")]
    [InlineData("compressed.pt")]
    public void Open_AnyDamagedByte_IsReadOrRefused(string name)
    {
        var whole = File.ReadAllBytes(TestData.InRepository("tests", "Golden", "checkpoints", name));
        AssertSurvives(whole, 37);
    }

    [Fact]
    public void Open_AnyDamagedSafeTensorsByte_IsReadOrRefused()
    {
        using var folder = new TempFolder();
        Checkpoint.SaveNew(folder["a.safetensors"], [Samples.Floats("first", 1, 2), Samples.Floats("second", 3)]);
        AssertSurvives(File.ReadAllBytes(folder["a.safetensors"]), 5);
    }

    /// <summary>Changes every n-th byte in two ways and cuts the file there; each must give tensors that can be read, or one clear
    /// error.</summary>
    private static void AssertSurvives(byte[] whole, int step)
    {
        using var folder = new TempFolder();
        for (var at = 0; at < whole.Length; at += step)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= (byte)(at % 2 == 0 ? 0xff : 1);
            AssertSurvives(folder.Write("x", damaged), at);
            AssertSurvives(folder.Write("x", whole.AsSpan(0, at)), at);
        }
    }

    private static void AssertSurvives(string path, int at)
    {
        var error = Record.Exception(() =>
        {
            using var checkpoint = Checkpoint.Open(path);
            foreach (var tensor in checkpoint.Tensors)
                if (tensor.ByteLength < 1 << 20)
                    Samples.BytesOf(tensor);
        });
        Assert.True(error is null or CheckpointException, $"byte {at}: {error}");
    }
}
