using System.Text.Json;
using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class ClassificationReportTests
{
    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    [Fact]
    public void ToText_GoldenCases_MatchPythonsFormatting()
    {
        foreach (var golden in GoldenCases.Of("classification"))
        {
            string[] names = [.. golden.GetProperty("names").EnumerateArray().Select(n => n.GetString()!)];
            var report = ClassificationReport.Create(ClassificationMetricsTests.Compute(golden), names);
            Assert.Equal(golden.GetProperty("text").GetString(), report.ToText(golden.GetProperty("digits").GetInt32()));
        }
    }

    [Fact]
    public void ToText_HandExample_IsTheKnownTable()
    {
        const string Expected = """
                          precision    recall  f1-score   support

                       a       1.00      0.67      0.80         3
                       b       0.67      1.00      0.80         2

                accuracy                           0.80         5
               macro avg       0.83      0.83      0.80         5
            weighted avg       0.87      0.80      0.80         5

            """;
        Assert.Equal(Expected.ReplaceLineEndings("\n"), Report().ToText());
    }

    [Fact]
    public void Json_SnakeCase_HasTheUsualNames()
    {
        var json = JsonSerializer.SerializeToElement(Report(), SnakeCase);
        GoldenCases.Near(0.8, json.GetProperty("f1_macro").GetDouble());
        GoldenCases.Near(0.8, json.GetProperty("accuracy").GetDouble());
        Assert.Equal("b", json.GetProperty("classes")[1].GetProperty("name").GetString());
        Assert.Equal([2, 1], json.GetProperty("confusion_matrix")[0].Ints());
    }

    [Fact]
    public void Create_WrongNumberOfNames_Throws() =>
        Assert.Throws<ArgumentException>(() => ClassificationReport.Create(ClassificationMetrics.Compute([0], [0], 2), ["a"]));

    [Theory]
    [InlineData(-1)]
    [InlineData(16)]
    public void ToText_DigitsOutOfRange_Throws(int digits) => Assert.Throws<ArgumentOutOfRangeException>(() => Report().ToText(digits));

    private static ClassificationReport Report() =>
        ClassificationReport.Create(ClassificationMetrics.Compute([0, 0, 0, 1, 1], [0, 0, 1, 1, 1], 2), ["a", "b"]);
}
