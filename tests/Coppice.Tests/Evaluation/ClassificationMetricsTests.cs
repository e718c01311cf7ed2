using System.Text.Json;
using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class ClassificationMetricsTests
{
    [Fact]
    public void Compute_HandExample_MatchesCountedByHand()
    {
        // Class 0: 2 of 3 found, 2 of 2 predictions right. Class 1: 2 of 2 found, 2 of 3 right. Class 2: never there, never predicted.
        var metrics = ClassificationMetrics.Compute([0, 0, 0, 1, 1], [0, 0, 1, 1, 1], 3);
        Assert.Equal(0.8, metrics.Accuracy);
        Assert.Equal(new ClassScores(1, 2 / 3.0, 0.8, 3), metrics.Classes[0]);
        Assert.Equal(new ClassScores(2 / 3.0, 1, 0.8, 2), metrics.Classes[1]);
        Assert.Equal(new ClassScores(0, 0, 0, 0), metrics.Classes[2]);
        GoldenCases.Near(1.6 / 3, metrics.Macro.F1);
        GoldenCases.Near(0.8, metrics.Weighted.F1);
        Assert.Equal(new ClassScores(0.8, 0.8, 0.8, 5), metrics.Micro);
        Assert.Equal([[2, 1, 0], [0, 2, 0], [0, 0, 0]], metrics.ConfusionMatrix);
    }

    [Fact]
    public void Compute_GoldenCases_MatchNumpy()
    {
        foreach (var golden in GoldenCases.Of("classification"))
        {
            var metrics = Compute(golden);
            GoldenCases.Near(golden.GetProperty("accuracy").GetDouble(), metrics.Accuracy);
            foreach (var (expected, actual) in golden.GetProperty("classes").EnumerateArray().Zip(metrics.Classes))
                Near(expected, actual);
            Near(golden.GetProperty("macro"), metrics.Macro);
            Near(golden.GetProperty("weighted"), metrics.Weighted);
            Assert.Equal(golden.GetProperty("confusion").EnumerateArray().Select(row => row.Ints()), metrics.ConfusionMatrix);
        }
    }

    [Fact]
    public void Compute_AllRight_IsExactlyOne()
    {
        int[] classes = [.. Enumerable.Range(0, 10)];
        var metrics = ClassificationMetrics.Compute(classes, classes, 10);
        Assert.Equal(new ClassScores(1, 1, 1, 10), metrics.Macro);
        Assert.Equal(new ClassScores(1, 1, 1, 10), metrics.Weighted);
    }

    [Fact]
    public void Compute_RandomPredictions_KeepTheInvariants()
    {
        var random = new Random(3);
        for (var round = 0; round < 50; round++)
        {
            var classes = random.Next(1, 8);
            int[] truth = Draw(random, classes), predicted = Draw(random, classes);
            var metrics = ClassificationMetrics.Compute(truth, predicted, classes);
            var swapped = ClassificationMetrics.Compute(predicted, truth, classes);
            GoldenCases.Near(metrics.Accuracy, metrics.Weighted.Recall);
            GoldenCases.Near(metrics.Macro.F1, swapped.Macro.F1);
            GoldenCases.Near(metrics.Macro.Precision, swapped.Macro.Recall);
            Assert.Equal(truth.Length, metrics.Classes.Sum(c => c.Support));
            Assert.Equal(truth.Length, metrics.ConfusionMatrix.Sum(row => row.Sum()));
        }
    }

    [Fact]
    public void Compute_BadInput_SaysWhat()
    {
        Assert.Contains("no examples", Message([], [], 2), StringComparison.Ordinal);
        Assert.Contains("2 true and 1 predicted", Message([0, 1], [0], 2), StringComparison.Ordinal);
        Assert.Contains("Example 1 has class 2; with 2 classes", Message([0, 2], [0, 0], 2), StringComparison.Ordinal);
        Assert.Contains("Example 0 has class -1", Message([0], [-1], 2), StringComparison.Ordinal);
        Assert.Contains("classCount", Message([0], [0], 0), StringComparison.Ordinal);
        Assert.Contains("classCount", Message([0], [0], int.MaxValue), StringComparison.Ordinal);
    }

    internal static ClassificationMetrics Compute(JsonElement golden) => ClassificationMetrics.Compute(
        golden.GetProperty("truth").Ints(), golden.GetProperty("predicted").Ints(), golden.GetProperty("names").GetArrayLength());

    private static int[] Draw(Random random, int classes) => [.. Enumerable.Range(0, 60).Select(_ => random.Next(classes))];

    private static string Message(int[] truth, int[] predicted, int classes) =>
        Assert.ThrowsAny<ArgumentException>(() => ClassificationMetrics.Compute(truth, predicted, classes)).Message;

    private static void Near(JsonElement expected, ClassScores actual)
    {
        GoldenCases.Near(expected[0].GetDouble(), actual.Precision);
        GoldenCases.Near(expected[1].GetDouble(), actual.Recall);
        GoldenCases.Near(expected[2].GetDouble(), actual.F1);
        Assert.Equal(expected[3].GetInt32(), actual.Support);
    }
}
