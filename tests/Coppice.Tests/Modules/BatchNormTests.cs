using System.Text.Json;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Modules;

public sealed class BatchNormTests
{
    [Fact]
    public void Train_TwoBatches_UpdatesRunningStatisticsAsTorch()
    {
        var golden = JsonDocument.Parse(File.ReadAllBytes(TestData.InRepository("tests", "Golden", "vision", "models.json")))
            .RootElement.GetProperty("running");
        var layer = new BatchNorm2d(2);
        layer.Train();
        foreach (var batch in golden.GetProperty("batches").EnumerateArray())
            layer.Forward(Tensor.From<float>(batch.GetProperty("values").Deserialize<float[]>(),
                Shape.Create(batch.GetProperty("shape").Deserialize<int[]>())));
        Assert.Equal(2, layer.Buffers["num_batches_tracked"].Item<long>());
        Close(golden.GetProperty("mean"), layer.Buffers["running_mean"]);
        Close(golden.GetProperty("var"), layer.Buffers["running_var"]);
    }

    [Fact]
    public void Evaluate_FreshLayer_ChangesNothingButByEpsilon()
    {
        var x = Tensor.From<float>([1, -2, 3, 4], [2, 2]);
        Assert.Equal(x.ToArray<float>(), new BatchNorm1d(2, epsilon: 0).Forward(x).ToArray<float>());
    }

    [Fact]
    public void Forward_OtherRank_SaysWhatItTakes() =>
        Assert.Contains("[B, C, H, W]", Assert.Throws<ArgumentException>(() => new BatchNorm2d(2).Forward(Tensor.Zeros([3, 2]))).Message,
            StringComparison.Ordinal);

    private static void Close(JsonElement expected, Tensor actual)
    {
        foreach (var (e, a) in expected.Deserialize<float[]>()!.Zip(actual.ToArray<float>()))
            Assert.Equal(e, a, 1e-5f);
    }
}
