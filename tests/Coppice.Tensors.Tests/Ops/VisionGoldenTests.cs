using System.Text.Json;
using Coppice.Tensors.Ops;
using Coppice.Tests;

namespace Coppice.Tensors.Tests.Ops;

/// <summary>torch's outputs and gradients; tests/Golden/vision/make.py made them.</summary>
public sealed class VisionGoldenTests
{
    private static readonly JsonElement[] Cases = JsonSerializer.Deserialize<JsonElement[]>(
        File.ReadAllBytes(TestData.InRepository("tests", "Golden", "vision", "ops.json")))!;

    public static TheoryData<int> Numbered => [.. Enumerable.Range(0, Cases.Length)];

    [Theory]
    [MemberData(nameof(Numbered))]
    public void ForwardAndBackward_TorchInputs_GiveTorchValues(int number)
    {
        var test = Cases[number];
        var inputs = Tensors(test.GetProperty("inputs"));
        var a = test.GetProperty("arguments").Deserialize<int[]>()!;
        Op op = test.GetProperty("op").GetString() switch
        {
            "Conv2d" => new Conv2d(a[0], a[1], a[2], a[3]),
            "BatchNormTraining" => new BatchNormTraining(1e-5f),
            "MaxPool2d" => new MaxPool2d(a[0], a[1], a[2]),
            "AvgPool2d" => new AvgPool2d(a[0], a[1], a[2]),
            "AdaptiveAvgPool2d" => new AdaptiveAvgPool2d(a[0], a[1]),
            var other => throw new InvalidOperationException($"ops.json has a case for {other}, which no op answers."),
        };
        var outputs = Op.Apply(op, inputs);
        Numbers.Close(Read(test.GetProperty("output")), outputs[0], 1e-5);
        var count = outputs[0].Count;
        var ramp = Tensor.From<float>([.. Enumerable.Range(0, (int)count).Select(i => -1 + 2f * i / (count - 1))], outputs[0].Shape);
        var gradients = op.Backward(inputs, outputs, [ramp, .. new Tensor?[outputs.Length - 1]]);
        foreach (var (expected, actual) in Tensors(test.GetProperty("gradients")).Zip(gradients))
            Numbers.Close(expected, actual!, 2e-5);
    }

    private static Tensor[] Tensors(JsonElement list) => [.. list.EnumerateArray().Select(Read)];

    private static Tensor Read(JsonElement element) => Tensor.From<float>(
        element.GetProperty("values").Deserialize<float[]>(), Shape.Create(element.GetProperty("shape").Deserialize<int[]>()));
}
