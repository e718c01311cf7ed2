using System.Text.Json;

namespace Coppice.Tests.Evaluation;

/// <summary>Values computed with numpy by tests/Golden/evaluation/make.py.</summary>
internal static class GoldenCases
{
    private static readonly JsonElement All =
        JsonDocument.Parse(File.ReadAllText(TestData.InRepository("tests", "Golden", "evaluation", "cases.json"))).RootElement;

    public static JsonElement[] Of(string name) => [.. All.GetProperty(name).EnumerateArray()];

    public static double[] Doubles(this JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetDouble())];

    public static int[] Ints(this JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetInt32())];

    public static float[] Floats(this JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetSingle())];

    public static void Near(double expected, double actual, double relative = 1e-12) =>
        Assert.True(Math.Abs(actual - expected) <= relative * Math.Abs(expected), $"expected {expected:R}, got {actual:R}");
}
