using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using static Coppice.Tests.Pruning.Onnx.TinyOnnx;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>Channel 0 of the first layer is always 0.7: whoever reads it can do without, where there is a place for a constant.</summary>
public sealed class OnnxCompensationTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Save_ConvolutionWithoutBias_GetsOne()
    {
        var small = Compensated(Net(6).Add("Conv", ["b", "w2"], "c").Add("Relu", ["c"], "y").Weight("w2", 3, 6, 1, 1));
        var node = small.Nodes.Single(node => node.Inputs.Contains("w2"));
        Assert.Equal(3, node.Inputs.Count);
        Assert.Contains(small.Initializers, tensor => tensor.Name == node.Inputs[2]);
    }

    [Theory]
    [InlineData("MatMul")]
    [InlineData("Gemm")]
    public void Save_ProductWithoutBias_GetsOne(string op)
    {
        var small = Compensated(Net(6).Add("GlobalAveragePool", ["b"], "p").Add("Flatten", ["p"], "f").Add(op, ["f", "w2"], "c").Add("Relu", ["c"], "y")
            .Weight("w2", 6, 3));
        Assert.Equal(op == "MatMul", small.Nodes.Exists(node => node.OpType == "Add"));
    }

    /// <summary>As PyTorch exports linear layers without a bias, and kernels that are stored as matrices.</summary>
    [Theory]
    [InlineData("MatMul", "Transpose", new[] { 3, 6 })]
    [InlineData("Gemm", "Transpose", new[] { 3, 6 })]
    [InlineData("MatMul", "Reshape", new[] { 6, 3, 1 }, new[] { 6, 3 })]
    [InlineData("Conv", "Reshape", new[] { 3, 6 }, new[] { 3, 6, 1, 1 })]
    [InlineData("Conv", "Reshape", new[] { 3, 2, 3 }, new[] { 3, 6, 1, 1 })] // channels merged from two axes
    public void Save_WeightWithItsAxesMoved_IsChanged(string op, string move, int[] stored, int[]? read = null)
    {
        var net = Net(6).Weight("w2", stored);
        var channels = op == "Conv" ? "b" : "f";
        if (op != "Conv")
            net.Add("GlobalAveragePool", ["b"], "p").Add("Flatten", ["p"], "f");
        if (read is null)
            net.Add(move, ["w2"], "w2.moved", AttributeProto.From("perm", [1L, 0]));
        else
            net.Numbers("sizes", [.. read.Select(size => (long)size)]).Add(move, ["w2", "sizes"], "w2.moved");
        net.Add(op, [channels, "w2.moved"], "c").Add("Relu", ["c"], "y");
        if (stored.Length == 3 && op == "Conv")
            Assert.DoesNotContain(Opened(net).Dependencies.Groups, group => group.Size == 6);
        else
            Assert.Contains(Compensated(net).Nodes, node => node.OpType == move);
    }

    /// <summary>Channel 0 is twice channel 1 besides its constant: with a weight that is transposed first, nothing is lost.</summary>
    [Fact]
    public void Save_LeastSquaresOfATransposedWeight_OutputsAreThoseOfBefore()
    {
        var net = Net(6);
        var weight = net.Graph.Initializers[0].Source().ToTensor();
        weight.AsSpan<float>()[2..4].Fill(0.25f);
        weight.AsSpan<float>()[..2].Fill(0.5f);
        net.Graph.Initializers.Clear();
        net.Store("w1", weight).Store("b1", Tensor.Full([6], 9)).Add("GlobalAveragePool", ["b"], "p").Add("Flatten", ["p"], "f")
            .Weight("w2", 3, 6).Add("Transpose", ["w2"], "t", AttributeProto.From("perm", [1L, 0])).Add("MatMul", ["f", "t"], "y");
        var pruning = Opened(net, images: 16);
        var removal = Without(pruning, 0);
        var before = pruning.Module.Forward(pruning.Inputs)[0];
        double[] errors = [.. new CompensationMethod?[] { null, CompensationMethod.Bias, CompensationMethod.LeastSquares }.Select(ErrorOf)];
        Assert.True(errors[1] < errors[0] / 2 && errors[2] < errors[1] / 10, string.Join(" ", errors));

        double ErrorOf(CompensationMethod? method)
        {
            var inputs = method is { } known
                ? InputCompensation.Of(pruning.Dependencies, removal, [pruning.Inputs], known, ridge: 1e-6, addsBiases: true) : null;
            pruning.Save(removal, _folder["small.onnx"], overwrite: true, compensation: inputs is null ? null : new(inputs, null));
            using var file = OnnxFile.Open(_folder["small.onnx"]);
            var after = new OnnxModule(file).Forward(pruning.Inputs)[0];
            return before.Subtract(after).ToArray<float>().Sum(value => (double)value * value);
        }
    }

    /// <summary>What is added already is no vector of outputs, and counts half.</summary>
    [Fact]
    public void Save_ProductWithAMatrixAdded_GetsAVectorBehindIt()
    {
        var small = Compensated(Net(6).Add("GlobalAveragePool", ["b"], "p").Add("Flatten", ["p"], "f")
            .Add("Gemm", ["f", "w2", "one"], "y", AttributeProto.From("beta", 0.5f)).Weight("w2", 6, 3).Weight("one", 1, 1));
        Assert.Equal("Add", small.Nodes[^1].OpType);
        Assert.Equal("y", small.Nodes[^1].Outputs[0]);
    }

    /// <summary>Outputs of Einsum may lie on any axis: it is left as it is.</summary>
    [Fact]
    public void Save_ProductInAnOrderOfItsOwn_IsLeftAlone()
    {
        var pruning = Opened(Net(6).Add("GlobalAveragePool", ["b"], "p").Add("Flatten", ["p"], "f")
            .Add("Einsum", ["f", "w2"], "y", AttributeProto.From("equation", "bc,co->ob")).Weight("w2", 6, 3));
        var removal = Without(pruning, 0);
        var inputs = InputCompensation.Of(pruning.Dependencies, removal, [pruning.Inputs], CompensationMethod.Bias, addsBiases: true);
        pruning.Save(removal, _folder["small.onnx"], compensation: new(inputs, null));
        Assert.Empty(inputs.Weights);
    }

    [Fact]
    public void Apply_WithoutTheBiasThatItNeeds_SaysWhoGivesIt()
    {
        var pruning = Opened(Net(6).Add("Conv", ["b", "w2"], "c").Add("Relu", ["c"], "y").Weight("w2", 3, 6, 1, 1));
        var inputs = InputCompensation.Of(pruning.Dependencies, Without(pruning, 0), [pruning.Inputs], CompensationMethod.Bias, addsBiases: true);
        Assert.Contains("the layer of 'w2' needs a bias", Assert.Throws<InvalidOperationException>(
            () => inputs.Apply(pruning.Graph)).Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Save_ProductWithAVectorAddedBehind_ChangesThat()
    {
        var small = Compensated(Net(6).Add("GlobalAveragePool", ["b"], "p").Add("Flatten", ["p"], "f").Add("MatMul", ["f", "w2"], "c")
            .Add("Add", ["bias", "c"], "y").Weight("w2", 6, 3).Weight("bias", 3));
        Assert.Equal(["w1", "b1", "w2", "bias"], small.Initializers.Select(tensor => tensor.Name));
        Assert.Single(small.Nodes, node => node.OpType == "Add");
    }

    [Fact]
    public void Save_BiasSharedWithAnotherLayer_LeavesThatAlone() => Compensated(Net(6).Add("Conv", ["b", "w2", "bias"], "c")
        .Add("Conv", ["x", "w3", "bias"], "d").Add("Add", ["c", "d"], "y").Weight("w2", 3, 6, 1, 1).Weight("w3", 3, 2, 1, 1).Weight("bias", 3));

    /// <summary>The branch is not taken by any example, and reads the bias of the layer that is compensated.</summary>
    [Fact]
    public void Save_BiasSharedWithABranch_LeavesThatAlone()
    {
        var small = Compensated(Net(6).Add("Conv", ["b", "w2", "bias"], "c")
            .Add("If", ["no"], "d", Body("then_branch", [], ["r"], Node("Identity", ["bias"], ["r"])),
                Body("else_branch", [], ["z"], Node("Constant", [], ["z"], AttributeProto.From("value_float", 0f))))
            .Add("Add", ["c", "d"], "y").Weight("w2", 3, 6, 1, 1).Weight("bias", 3).Store("no", Tensor.From<bool>([false], [])));
        Assert.NotEqual("bias", small.Nodes.Single(node => node.Inputs.Contains("w2")).Inputs[2]);
        Assert.Contains(small.Initializers, tensor => tensor.Name == "bias");
    }

    [Fact]
    public void Save_NormalizationBehind_TakesTheConstantFromItsMean()
    {
        var small = Compensated(Net(6).Add("Conv", ["b", "w2"], "c").Add("BatchNormalization", ["c", "s", "t", "mean", "variance"], "y")
            .Weight("w2", 3, 6, 1, 1).Weight("s", 3).Weight("t", 3).Weight("mean", 3).Store("variance", Tensor.Full([3], 2)));
        Assert.Equal(2, small.Nodes.Single(node => node.Inputs.Contains("w2")).Inputs.Count);
    }

    [Fact]
    public void Save_StatisticsAnew_AreThoseOfTheCalibrationInputs()
    {
        var pruning = Opened(Net(6).Add("Conv", ["b", "w2"], "c").Add("BatchNormalization", ["c", "s", "t", "mean", "variance"], "y")
            .Weight("w2", 3, 6, 1, 1).Store("s", Tensor.Full([3], 1)).Store("t", Tensor.Zeros([3])).Weight("mean", 3)
            .Store("variance", Tensor.Full([3], 2)));
        var compensation = new PreparedCompensation(null, [pruning.Inputs]);
        pruning.Save(Without(pruning, 0), _folder["small.onnx"], compensation: compensation);
        Assert.Equal(1, compensation.Normalizations);
        using var file = OnnxFile.Open(_folder["small.onnx"]);
        var outputs = new OnnxModule(file).Forward(pruning.Inputs)[0].ToArray<float>().Chunk(16).ToList();
        Assert.All(outputs, channel => Assert.Equal(0, channel.Average(), 1e-4));
        Assert.All(outputs, channel => Assert.Equal(1, channel.Sum(value => value * value) / 15, 1e-2));
    }

    /// <summary>Two layers that follow from the same weight are left as they are.</summary>
    [Fact]
    public void Of_WeightOfTwoLayers_IsLeftAlone()
    {
        var pruning = Opened(Net(6).Add("Conv", ["b", "w2"], "c").Add("Relu", ["b"], "d").Add("Conv", ["d", "w2"], "e")
            .Add("Add", ["c", "e"], "y").Weight("w2", 3, 6, 1, 1));
        Assert.Empty(InputCompensation.Of(pruning.Dependencies, Without(pruning, 0), [pruning.Inputs], CompensationMethod.Bias,
            addsBiases: true).Weights);
    }

    /// <summary>Compensates for the constant channel; outputs are those of before.</summary>
    private GraphProto Compensated(TinyOnnx net)
    {
        var pruning = Opened(net);
        var removal = Without(pruning, 0);
        var inputs = InputCompensation.Of(pruning.Dependencies, removal, [pruning.Inputs], CompensationMethod.Bias, addsBiases: true);
        Assert.Equal(["w2"], inputs.Weights);
        pruning.Save(removal, _folder["small.onnx"], compensation: new(inputs, null));
        using var file = OnnxFile.Open(_folder["small.onnx"]);
        Assert.Equal(pruning.Module.Forward(pruning.Inputs)[0].ToArray<float>(), new OnnxModule(file).Forward(pruning.Inputs)[0].ToArray<float>(),
            (a, b) => Math.Abs(a - b) < 1e-5);
        return file.Model.Graph!;
    }

    private static TinyOnnx Net(int channels)
    {
        var net = new TinyOnnx().Add("Conv", ["x", "w1", "b1"], "a").Add("Relu", ["a"], "b").Weight("w1", channels, 2, 1, 1).Weight("b1", channels);
        var (weight, bias) = (net.Graph.Initializers[0].Source().ToTensor(), net.Graph.Initializers[1].Source().ToTensor());
        weight.AsSpan<float>()[..2].Clear();
        bias.AsSpan<float>()[0] = 0.7f;
        net.Graph.Initializers.Clear();
        return net.Store("w1", weight).Store("b1", bias);
    }

    private OnnxPruning Opened(TinyOnnx net, int images = 1) => OnnxPruning.Open(net.Save(_folder["model.onnx"], images, 2, 4, 4));

    private static Removal Without(OnnxPruning pruning, int index)
    {
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(Assert.Single(pruning.Dependencies.Groups), [index]);
        return removal;
    }
}
