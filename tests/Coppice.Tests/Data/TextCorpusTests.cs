using Coppice.Data;

namespace Coppice.Tests.Data;

public sealed class TextCorpusTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_ByteOrderMark_IsDroppedAndTheRestKept() =>
        Assert.Equal("a\r\n\r\n 树 \n", TextCorpus.Read(_folder.Write("a.txt", "\uFEFFa\r\n\r\n 树 \n"u8)));

    [Fact]
    public void Read_Sample_IsWhole()
    {
        var path = TestData.InRepository("samples", "data", "tinyshakespeare-test.txt");
        Assert.Equal(File.ReadAllText(path), TextCorpus.Read(path));
    }

    [Fact]
    public void Read_EmptyOrNotUtf8_NamesTheFile()
    {
        Assert.Contains("e.txt' is empty", Message(_folder.Write("e.txt", [])), StringComparison.Ordinal);
        Assert.Contains("u.txt': the byte at index 1", Message(_folder.Write("u.txt", [65, 0xFF])), StringComparison.Ordinal);

        static string Message(string path) => Assert.Throws<InvalidDataException>(() => TextCorpus.Read(path)).Message;
    }
}
