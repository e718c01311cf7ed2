using System.Text.Json;
using Coppice.Tensors.Ops;
using Coppice.Tests;

namespace Coppice.Tensors.Tests.Ops;

/// <summary>torch's answers; tests/Golden/ops/make.py made them.</summary>
[Trait("Category", "Kernels")]
public sealed class GoldenTests
{
    private static readonly JsonElement[] Cases = JsonSerializer.Deserialize<JsonElement[]>(
        File.ReadAllBytes(TestData.InRepository("tests", "Golden", "ops", "golden.json")))!;

    public static TheoryData<int> Numbered => [.. Enumerable.Range(0, Cases.Length)];

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Forward_TorchInputs_GivesTorchOutput(int number)
    {
        var test = Cases[number];
        var inputs = test.GetProperty("inputs").EnumerateArray().Select(Read).ToArray();
        Op op = test.GetProperty("op").GetString() switch
        {
            "GeluErf" => new Gelu(GeluKind.Erf),
            "GeluTanh" => new Gelu(GeluKind.Tanh),
            "GeluQuick" => new Gelu(GeluKind.Quick),
            "LayerNorm" => new LayerNorm(1e-5f),
            "Softmax" => new Softmax(),
            "LogSoftmax" => new LogSoftmax(),
            "Attention" => new Attention(test.GetProperty("causal").GetBoolean(), 1 / MathF.Sqrt(inputs[0].Shape[3])),
            var other => throw new InvalidOperationException($"golden.json has a case for {other}, which no op answers."),
        };
        Numbers.Close(Read(test.GetProperty("output")), Op.ApplySingle(op, inputs), 2e-6);
    }

    private static Tensor Read(JsonElement element) => Tensor.From<float>(
        element.GetProperty("values").Deserialize<float[]>(), Shape.Create(element.GetProperty("shape").Deserialize<int[]>()));
}
