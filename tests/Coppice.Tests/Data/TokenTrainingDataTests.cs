using Coppice.Data;
using Coppice.Tokenizers;

namespace Coppice.Tests.Data;

public sealed class TokenTrainingDataTests
{
    private static readonly Tokenizer Gpt2 = Tokenizer.FromFolder(TestData.InRepository("samples", "models", "gpt2-student"));

    [Fact]
    public void Load_GivesWindowsAndDropsTheRest()
    {
        var data = new TokenTrainingData(Enumerable.Range(100, 11).ToArray(), 3);
        Assert.Equal(3, data.Count);
        using var batch = data.Load([2, 0]);
        Assert.Equal([2, 3], batch.Ids.Shape.Dims);
        Assert.Equal([106, 107, 108, 100, 101, 102], batch.Ids.ToArray<long>());
        Assert.Equal([107, 108, 109, 101, 102, 103], batch.Targets.ToArray<long>());
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Load([3]));
    }

    [Fact]
    public void Pack_ManyDocuments_JoinsThemInOrderByEndOfText()
    {
        string[] documents = [.. Enumerable.Range(0, 700).Select(i => $"Document {i}.")];
        int[] ids = [.. documents.SelectMany(document => Gpt2.Encode(document).Append(4095))];
        var data = TokenTrainingData.Pack(documents, Gpt2, 5);
        Assert.Equal((ids.Length - 1) / 5, data.Count);
        using var batch = data.Load([.. Enumerable.Range(0, data.Count)]);
        Assert.Equal(ids.Take(data.Count * 5).Select(id => (long)id), batch.Ids.ToArray<long>());
    }

    [Fact]
    public void Pack_TooLittleOrNoEndOfText_SaysSo()
    {
        Assert.Contains("2 tokens; one window of 8",
            Assert.Throws<ArgumentException>(() => TokenTrainingData.Pack(["a"], Gpt2, 8)).Message, StringComparison.Ordinal);
        var bert = Tokenizer.FromFolder(TestData.InRepository("samples", "models", "bert-thucnews"));
        Assert.Contains("no end-of-text token",
            Assert.Throws<ArgumentException>(() => TokenTrainingData.Pack(["a"], bert, 8)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => TokenTrainingData.Pack(["a"], Gpt2, 0));
    }

    [Fact]
    public void Pack_UnreadableDocument_FailsWithItsError()
    {
        Assert.Equal("line 3", Assert.Throws<InvalidDataException>(() => TokenTrainingData.Pack(Documents(), Gpt2, 2)).Message);

        static IEnumerable<string> Documents()
        {
            yield return "one";
            yield return "two";
            throw new InvalidDataException("line 3");
        }
    }
}
