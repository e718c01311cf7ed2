using System.Text.Json;
using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class Gpt2SplitterTests
{
    [Fact]
    public void NextLength_RandomUnicode_GivesThePiecesOfPythonsRegex()
    {
        var golden = File.ReadAllText(TestData.InRepository("tests", "Golden", "tokenizers", "gpt2-split.json"));
        using var document = JsonDocument.Parse(golden);
        foreach (var example in document.RootElement.EnumerateArray())
        {
            var pieces = example.GetProperty("pieces").EnumerateArray().Select(p => p.GetString()!);
            Assert.Equal(pieces, Split(example.GetProperty("text").GetString()!));
        }
    }

    [Theory]
    [InlineData("a  b", "a| | b")]
    [InlineData("a \n b", "a| \n| b")]
    [InlineData("a\nb", "a|\n|b")]
    [InlineData("end  ", "end|  ")]
    [InlineData("I'll 'LL 's", "I|'ll| '|LL| '|s")]
    [InlineData("x12 .3!", "x|12| .|3|!")]
    [InlineData("\U0001D4B3y \U0001D7D8", "\U0001D4B3y| \U0001D7D8")]
    public void NextLength_KnownText_CutsAsGpt2(string text, string pieces) => Assert.Equal(pieces.Split('|'), Split(text));

    private static List<string> Split(string text)
    {
        var pieces = new List<string>();
        for (var rest = text.AsSpan(); !rest.IsEmpty; rest = rest[pieces[^1].Length..])
            pieces.Add(rest[..Gpt2Splitter.NextLength(rest)].ToString());
        return pieces;
    }
}
