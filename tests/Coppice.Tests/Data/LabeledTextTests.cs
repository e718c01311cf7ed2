using System.Text;
using Coppice.Data;

namespace Coppice.Tests.Data;

public sealed class LabeledTextTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_ThucNewsSample_GivesTextsLabelsAndNames()
    {
        var data = LabeledText.Read(TestData.InRepository("samples", "data", "thucnews", "dev-1000.txt"));
        Assert.Equal(1000, data.Examples.Count);
        Assert.Equal(new LabeledExample("体验2D巅峰 倚天屠龙记十大创新概览", 8), data.Examples[0]);
        Assert.Equal(10, data.ClassCount);
        Assert.Equal(("finance", "entertainment"), (data.ClassNames[0], data.ClassNames[9]));
        var perClass = data.Examples.CountBy(e => e.Label).OrderBy(p => p.Key).Select(p => p.Value);
        Assert.Equal([105, 104, 113, 105, 82, 91, 104, 93, 97, 106], perClass);
    }

    [Theory]
    [InlineData("一\t0\n二\t1\n")]
    [InlineData("一\t0\n二\t1")]
    [InlineData("\uFEFF一\t0\r\n二\t1\r\n")]
    [InlineData("一\t0\n\n二\t1\n\n \n")]
    public void Read_LineEndsMarkAndBlankLines_AreAccepted(string text)
    {
        var data = Read(text);
        Assert.Equal([new("一", 0), new("二", 1)], data.Examples);
        Assert.Equal(["0", "1"], data.ClassNames);
    }

    [Fact]
    public void Read_ClassNamesAsLabels_GivesTheirNumbers()
    {
        Assert.Equal([2, 0, 1], Read("a\tsports\nb\tgame\nc\t1\n", "game\r\nfinance\r\nsports\r\n").Examples.Select(e => e.Label));
        Assert.Equal([1, 0], Read("a\t1\nb\t0\n", "0\n1\n").Examples.Select(e => e.Label));
    }

    [Theory]
    [InlineData("a\t0\nno tab\n", 2, "0 tabs")]
    [InlineData("a\tb\t0\n", 1, "2 tabs")]
    [InlineData("a\t0\n\n \t1\n", 3, "no text")]
    [InlineData("a\t-1\n", 1, "'-1' is no class number")]
    [InlineData("a\t1.5\n", 1, "'1.5'")]
    [InlineData("a\t\n", 1, "''")]
    [InlineData("a\t4096\n", 1, "0 to 4095")]
    [InlineData("a\t99999999999999\n", 1, "0 to 4095")]
    [InlineData("a\tsports\n", 1, "put class.txt beside")]
    public void Read_MalformedLine_NamesFileAndLine(string text, int line, string reason)
    {
        var error = Assert.Throws<InvalidDataException>(() => Read(text));
        Assert.Contains($"data.txt', line {line}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\t2\n", "x\ny\n", "data.txt', line 1", "nor a name in class.txt")]
    [InlineData("a\tz\n", "x\ny\n", "data.txt', line 1", "nor a name in class.txt")]
    [InlineData("a\t0\n", "x\ny\nx\n", "class.txt', line 3", "listed twice")]
    [InlineData("a\t1\n", "1\n2\n", "class.txt', line 1", "another class's number")]
    [InlineData("a\t1\n", "\n\n", "class.txt'", "names no class")]
    public void Read_LabelsAndNamesThatDisagree_SayWhere(string text, string names, string place, string reason)
    {
        var error = Assert.Throws<InvalidDataException>(() => Read(text, names));
        Assert.Contains(place, error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\uFEFF")]
    [InlineData("\n \r\n")]
    public void Read_NoExample_Throws(string text) =>
        Assert.Contains("data.txt", Assert.Throws<InvalidDataException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_BytesThatAreNotUtf8_NameFileAndLine()
    {
        byte[] gbk = [.. "a\t0\nb"u8, 0xD6, 0xD0, .. "\t1\n"u8];
        var error = Assert.Throws<InvalidDataException>(() => LabeledText.Read(_folder.Write("data.txt", gbk)));
        Assert.Contains("data.txt', line 2: the byte at index 1 is not UTF-8", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_MissingFileOrFolder_SaysSo()
    {
        Assert.Contains("no file", Message(Path.Combine(_folder.Path, "none")), StringComparison.Ordinal);
        Assert.Contains("is a folder", Message(_folder.Path), StringComparison.Ordinal);

        static string Message(string path) => Assert.Throws<FileNotFoundException>(() => LabeledText.Read(path)).Message;
    }

    private LabeledText Read(string text, string? classNames = null)
    {
        if (classNames is not null)
            _folder.Write("class.txt", Encoding.UTF8.GetBytes(classNames));
        return LabeledText.Read(_folder.Write("data.txt", Encoding.UTF8.GetBytes(text)));
    }
}
