using System.Text;
using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class CanonicalBasesTests
{
    [Theory]
    [InlineData(0x41, "A")]
    [InlineData(0xE9, "e")]
    [InlineData(0x1EC6, "E")]
    [InlineData(0x439, "\u0438")]
    [InlineData(0x390, "\u03B9")]
    [InlineData(0x212A, "K")]
    [InlineData(0x301, "")]
    [InlineData(0xAC00, "\u1100\u1161")]
    [InlineData(0xD7A3, "\u1112\u1175\u11C2")]
    [InlineData(0x9CB, "\u09C7\u09BE")]
    [InlineData(0xF900, "\u8C48")]
    [InlineData(0x2F800, "\u4E3D")]
    [InlineData(0xFB01, "\uFB01")]
    [InlineData(0x1F642, "\U0001F642")]
    public void Strip_CodePoint_LeavesItsBase(int codePoint, string expected)
    {
        Span<char> chars = stackalloc char[CanonicalBases.MaxLength];
        Assert.Equal(expected, chars[..CanonicalBases.Strip(new Rune(codePoint), chars)].ToString());
    }

    [Fact]
    public void Strip_AnyCodePoint_IsStable()
    {
        Span<char> once = stackalloc char[CanonicalBases.MaxLength];
        Span<char> twice = stackalloc char[CanonicalBases.MaxLength];
        for (var value = 0; value < 0x110000; value++)
        {
            if (!Rune.TryCreate(value, out var rune))
                continue;
            foreach (var part in once[..CanonicalBases.Strip(rune, once)].EnumerateRunes())
                Assert.Equal(part.ToString(), twice[..CanonicalBases.Strip(part, twice)].ToString());
        }
    }
}
