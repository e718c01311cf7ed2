using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>Models whose weights and values are F16, BF16 or F64.</summary>
public sealed class OnnxHalvesTests
{
    [Theory]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    [InlineData(DType.F64)]
    public void Save_WeightsOfOtherFloats_AreSlicedAndKeepTheirType(DType type)
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(Net(folder, type));
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups.Single(), [1, 4]);
        Assert.InRange(pruning.Save(removal, folder["small.onnx"]).LargestDifference, 0, 1e-6);
        using var small = OnnxFile.Open(folder["small.onnx"]);
        using var whole = OnnxFile.Open(folder["m.onnx"]);
        var (before, after) = (Stored(whole, "w1"), Stored(small, "w1"));
        Assert.Equal((type, 4), (after.DType, after.Shape[0]));
        Assert.Equal(before.Cast(DType.F32).ToArray<float>()[..2], after.Cast(DType.F32).ToArray<float>()[..2]);
        Assert.Equal(before.Cast(DType.F32).ToArray<float>()[4..8], after.Cast(DType.F32).ToArray<float>()[2..6]);
    }

    [Fact]
    public void Save_WeightsOf64Bits_AreScoredAndKeepAllTheirDigits()
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(Net(folder, DType.F64));
        var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
        var kept = removal.KeptOf(pruning.Dependencies.Groups.Single());
        Assert.Equal(3, kept.Length);
        pruning.Save(removal, folder["small.onnx"]);
        using var small = OnnxFile.Open(folder["small.onnx"]);
        using var whole = OnnxFile.Open(folder["m.onnx"]);
        var before = Stored(whole, "w1").ToArray<double>();
        Assert.Equal(kept.SelectMany(channel => before[(2 * channel)..(2 * channel + 2)]), Stored(small, "w1").ToArray<double>());
        Assert.NotEqual(before.Select(value => (double)(float)value), before);
    }

    [Fact]
    public void Forward_WeightsOf16Bits_AreRoundedToThemAndGetGradients()
    {
        using var folder = new TempFolder();
        using var file = OnnxFile.Open(Net(folder, DType.F16));
        var (model, x) = (new OnnxModule(file), Tensor.Full([1, 2, 1, 1], 0.5f));
        var before = model.Forward(x)[0].ToArray<float>();
        var weight = model.Parameter("w1");
        Assert.Equal(DType.F32, weight.Data.DType);
        weight.Data.AsSpan<float>()[0] += 1e-6f;
        Assert.Equal(before, model.Forward(x)[0].ToArray<float>());
        weight.Data.AsSpan<float>()[0] += 0.5f;
        Assert.NotEqual(before, model.Forward(x)[0].ToArray<float>());
        using var tape = new Tape();
        tape.Backward(model.Forward(x)[0].Reshape(3).Sum());
        Assert.Contains(weight.Gradient!.ToArray<float>(), value => value != 0);
        Assert.Equal([1, 1, 1], model.Parameter("b2").Gradient!.ToArray<float>());
    }

    [Fact]
    public void Save_TrainedWeightsOf16Bits_KeepTheirType()
    {
        using var folder = new TempFolder();
        using (var file = OnnxFile.Open(Net(folder, DType.F16)))
        {
            var model = new OnnxModule(file);
            model.Parameter("w1").Data.AsSpan<float>()[3] = 0.25f;
            model.Save(folder["trained.onnx"]);
        }
        using var trained = OnnxFile.Open(folder["trained.onnx"]);
        Assert.Equal(DType.F16, Stored(trained, "w1").DType);
        Assert.Equal(0.25f, Stored(trained, "w1").Cast(DType.F32).ToArray<float>()[3]);
    }

    [Fact]
    public void FileSizeBudget_WeightsOf16Bits_CountTwoBytesEach()
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(Net(folder, DType.F16));
        var (whole, smaller) = (new Removal(pruning.Dependencies), new Removal(pruning.Dependencies));
        smaller.Remove(pruning.Dependencies.Groups.Single(), [1, 4]);
        var budget = FileSizeBudget.Of(1000, pruning.Dependencies, "m.onnx", path =>
        {
            pruning.Save(whole, path);
            return OnnxWeights.Open(path);
        });
        Assert.Equal(2 * (2 + 3) * 2, budget.Cost(whole) - budget.Cost(smaller));
    }

    private static Tensor Stored(OnnxFile file, string name) =>
        file.Model.Graph!.Initializers.Single(tensor => tensor.Name == name).Source().ToTensor();

    /// <summary>Numbers with more digits than F32 has.</summary>
    private static Tensor Finer(Tensor x) => x.Cast(DType.F64).Multiply(Tensor.From<double>([1 + 1e-10], []));

    /// <summary>As converters write it: F32 outside, casts at the borders.</summary>
    private static string Net(TempFolder folder, DType type)
    {
        var net = new TinyOnnx().Add("Cast", ["x"], "h", AttributeProto.From("to", (long)type.ToOnnx())).Add("Conv", ["h", "w1"], "a")
            .Add("Relu", ["a"], "b").Add("Conv", ["b", "w2"], "c").Add("Add", ["c", "b2"], "d")
            .Add("Cast", ["d"], "y", AttributeProto.From("to", (long)TensorDataType.Float))
            .Weight("w1", 6, 2, 1, 1).Weight("w2", 3, 6, 1, 1).Weight("b2", 3, 1, 1);
        foreach (var weight in net.Graph.Initializers)
            weight.SetData(TensorSource.From(weight.Name!, type == DType.F64 ? Finer(weight.Source().ToTensor()) : weight.Source().ToTensor().Cast(type)));
        return net.Save(folder["m.onnx"], 1, 2, 1, 1);
    }
}
