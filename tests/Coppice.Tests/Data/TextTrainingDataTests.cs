using Coppice.Data;
using Coppice.Tokenizers;

namespace Coppice.Tests.Data;

public sealed class TextTrainingDataTests
{
    private static readonly int[][] Encodings = [[1, 2, 3], [4], [5, 6]];

    [Fact]
    public void Load_PadsToTheLongestOfTheBatch()
    {
        using var batch = new TextTrainingData(Encodings, [7, 8, 9], padId: 99).Load([2, 1]);
        Assert.Equal([2, 2], batch.Ids.Shape.Dims);
        Assert.Equal([5, 6, 4, 99], batch.Ids.ToArray<long>());
        Assert.Equal([2, 1], batch.Lengths);
        Assert.Equal([9, 8], batch.Targets.ToArray<long>());
        Assert.Equal(2, batch.Count);
    }

    [Fact]
    public void Load_FixedLength_PadsToIt()
    {
        using var batch = new TextTrainingData(Encodings, [0, 0, 0], length: 4).Load([1]);
        Assert.Equal([4, 0, 0, 0], batch.Ids.ToArray<long>());
        Assert.Equal([1], batch.Lengths);
    }

    [Fact]
    public void Constructor_WrongArgument_SaysSo()
    {
        Assert.Contains("3 texts and 2 labels", Message(Encodings, [0, 1]), StringComparison.Ordinal);
        Assert.Contains("0 texts", Message([], []), StringComparison.Ordinal);
        Assert.Contains("Text 0 has 3 tokens", Message(Encodings, [0, 1, 2], 2), StringComparison.Ordinal);
        Assert.Contains("Text 1 has 0 tokens", Message([[1], []], [0, 1]), StringComparison.Ordinal);

        static string Message(int[][] encodings, int[] labels, int? length = null) =>
            Assert.Throws<ArgumentException>(() => new TextTrainingData(encodings, labels, length)).Message;
    }

    [Fact]
    public void Encode_Sample_GivesAModelsIds()
    {
        var data = LabeledText.Read(TestData.InRepository("samples", "data", "thucnews", "dev-1000.txt"));
        var tokenizer = Tokenizer.FromFolder(TestData.InRepository("samples", "models", "bert-thucnews"));
        var encodings = data.Encode(tokenizer, 32);
        Assert.Equal(1000, encodings.Length);
        Assert.Equal(tokenizer.Encode(data.Examples[17].Text), encodings[17]);
        Assert.All(data.Encode(tokenizer, 8), ids => Assert.InRange(ids.Length, 3, 8));
    }
}
