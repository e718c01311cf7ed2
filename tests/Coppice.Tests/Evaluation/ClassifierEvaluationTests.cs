using Coppice.Evaluation;
using Coppice.Models;
using Coppice.Tests.Tokenizers;

namespace Coppice.Tests.Evaluation;

public sealed class ClassifierEvaluationTests
{
    private static readonly ITextClassifier Classifier =
        PretrainedModel.Open(TestData.InRepository("samples", "models", "bert-thucnews")).TextClassifier;

    private static readonly int[][] Encodings = [.. File.ReadLines(TestData.InRepository("samples", "data", "thucnews", "dev-1000.txt"))
        .Take(23)
        .Select(line => GoldenTexts.Bert.Encode(line.Split('\t')[0]))];

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(64)]
    public void Predict_InBatchesOfAnySize_KeepsTheOrderAndTheOutputs(int batchSize)
    {
        var progress = new List<double>();
        var predicted = ClassifierEvaluation.Predict(Classifier, Encodings, batchSize, new Recorder(progress));
        for (var i = 0; i < Encodings.Length; i++)
        {
            var alone = ClassifierEvaluation.Predict(Classifier, [Encodings[i]]);
            Assert.Equal(alone.Classes[0], predicted.Classes[i]);
            Golden.GoldenFiles.AssertClose(alone.Logits[0], predicted.Logits[i], 1e-4f);
        }
        Assert.Equal((Encodings.Length + batchSize - 1) / batchSize, progress.Count);
        Assert.Equal(Encodings.Length, progress[^1]);
    }

    [Fact]
    public void Predict_Cancelled_Stops() => Assert.Throws<OperationCanceledException>(() =>
        ClassifierEvaluation.Predict(Classifier, Encodings, cancellation: new CancellationToken(canceled: true)));

    private sealed class Recorder(List<double> values) : IProgress<double>
    {
        public void Report(double value) => values.Add(value);
    }
}
