using System.Text;
using System.Text.Json;
using Coppice.Data;

namespace Coppice.Tests.Data;

public sealed class TextDocumentsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_JsonLines_GivesTheTexts() => Assert.Equal(["one\ntwo", "树 😀", "", "last"], Read("""
        {"text": "one\ntwo", "meta": {"redpajama_set_name": "RedPajamaBook", "text": "not this"}}

        {"meta": {}, "text": "树 \ud83d\ude00"}
        {"text":""}
          {"id": [1, 2], "text": "last"}
        """));

    [Theory]
    [InlineData("\uFEFF{\"text\": \"a\"}\r\n{\"text\": \"b\"}\r\n")]
    [InlineData("{\"text\": \"a\"}\n{\"text\": \"b\"}\n")]
    [InlineData("{\"text\": \"a\"}\n{\"text\": \"b\"}")]
    [InlineData("\n\n{\"text\": \"a\"}\n \t\n{\"text\": \"b\"}\n\n")]
    public void Read_LineEndsMarkAndBlankLines_AreAccepted(string lines) => Assert.Equal(["a", "b"], Read(lines));

    [Fact]
    public void Read_LinesOfAllLengths_AreWholeAcrossBuffers()
    {
        string[] texts = [.. Enumerable.Range(0, 60).Select(i => new string((char)('a' + i % 26), i * 5000))];
        Assert.Equal(texts, Read(string.Join('\n', texts.Select(text => $"{{\"text\": {JsonSerializer.Serialize(text)}}}"))));
    }

    [Theory]
    [InlineData("{\"text\": \"a\"}\n{\"text\": \"b\"", "line 2: it is no JSON object from byte 12")]
    [InlineData("\n{\"text\": \"a\"} x", "line 2: it is no JSON object from byte 14")]
    [InlineData("{\"text\": \"a\"}{\"text\": \"b\"}", "line 1: it is no JSON object from byte 13")]
    [InlineData("{\"text\": 5}", "line 1: it is no JSON object with a string \"text\"")]
    [InlineData("{\"body\": \"a\"}", "line 1: it is no JSON object with a string \"text\"")]
    [InlineData("[\"a\"]", "line 1: it is no JSON object with a string \"text\"")]
    [InlineData("\"a\"", "line 1: it is no JSON object with a string \"text\"")]
    [InlineData("{\"text\": \"\\ud83d\"}", "line 1: the \"text\" is not UTF-8, or holds half")]
    [InlineData(" \n", "holds no document")]
    [InlineData("", "holds no document")]
    public void Read_MalformedLine_NamesFileAndLine(string lines, string problem)
    {
        var message = Assert.Throws<InvalidDataException>(() => Read(lines)).Message;
        Assert.Contains("d.jsonl'", message, StringComparison.Ordinal);
        Assert.Contains(problem, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NotUtf8_NamesFileAndLine()
    {
        var path = _folder.Write("d.jsonl", [.. "{\"text\": \""u8, 0xFF, .. "\"}"u8]);
        Assert.Contains("d.jsonl', line 1: the \"text\" is not UTF-8",
            Assert.Throws<InvalidDataException>(() => TextDocuments.Read(path).ToArray()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_IsLazy_AndSeesLaterErrorsLater() =>
        Assert.Equal("a", TextDocuments.Read(_folder.Write("d.jsonl", "{\"text\": \"a\"}\nbroken"u8)).First());

    [Fact]
    public void Read_Folder_GivesItsFilesInOrder()
    {
        _folder.Write("b.txt", "second\n"u8);
        _folder.Write("a.jsonl", "{\"text\": \"first\"}"u8);
        _folder.Write("c.md", "none of these"u8);
        Assert.Equal(["first", "second\n"], TextDocuments.Read(_folder.Path));
    }

    [Fact]
    public void Read_NothingThere_SaysSo()
    {
        Assert.Contains("no file named *.jsonl or *.txt",
            Assert.Throws<FileNotFoundException>(() => TextDocuments.Read(_folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("check the path",
            Assert.Throws<FileNotFoundException>(() => TextDocuments.Read(_folder["x.jsonl"])).Message, StringComparison.Ordinal);
    }

    private string[] Read(string lines) => [.. TextDocuments.Read(_folder.Write("d.jsonl", Encoding.UTF8.GetBytes(lines)))];
}
