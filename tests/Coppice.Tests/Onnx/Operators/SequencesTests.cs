using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Onnx;
using static Coppice.Tests.Pruning.Onnx.TinyOnnx;

namespace Coppice.Tests.Onnx.Operators;

public sealed class SequencesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void SplitToSequence_IntoParts_CanBeTakenChangedAndPutTogether()
    {
        var net = new TinyOnnx().Add("SplitToSequence", ["x", "two"], "s", AttributeProto.From("axis", 1L)) // [1 2] [3 4] [5]
            .Add("SequenceAt", ["s", "last"], "e")
            .Add("SequenceInsert", ["s", "e", "zero"], "t").Add("SequenceErase", ["t", "one"], "u")         // [5] [3 4] [5]
            .Add("SequenceInsert", ["u", "x"], "v").Add("ConcatFromSequence", ["v"], "y", AttributeProto.From("axis", 1L))
            .Store("two", Number(2)).Store("last", Number(-1)).Store("zero", Number(0)).Store("one", Number(1));
        Assert.Equal([5, 3, 4, 5, 1, 2, 3, 4, 5], Run(net)[0].ToArray<float>());
    }

    [Fact]
    public void SplitToSequence_WithoutSizes_GivesSinglesThatStackAgain()
    {
        var net = new TinyOnnx().Add("SplitToSequence", ["x"], "s", AttributeProto.From("axis", 1L), AttributeProto.From("keepdims", 0L))
            .Add("ConcatFromSequence", ["s"], "y", AttributeProto.From("axis", 0L), AttributeProto.From("new_axis", 1L));
        Assert.Equal<Shape>([5, 1], Run(net)[0].Shape);
    }

    [Fact]
    public void Loop_ThatCollects_GivesASequenceOfItsTurns()
    {
        var body = Body("body", ["trip", "go", "s"], ["more", "t"], Node("Identity", ["go"], ["more"]), Node("Add", ["x", "x"], ["e"]),
            Node("SequenceInsert", ["s", "e"], ["t"]));
        var net = new TinyOnnx().Add("SequenceEmpty", [], "none").Add("Loop", ["three", "yes", "none"], "y", body)
            .Store("three", Number(3)).Store("yes", Tensor.From<bool>([true], []));
        var tensors = OnnxSequence.Find(Run(net)[0])!;
        Assert.Equal(3, tensors.Count);
        Assert.All(tensors, tensor => Assert.Equal([2, 4, 6, 8, 10], tensor.ToArray<float>()));
    }

    [Fact]
    public void SequenceMap_OverTwoSequencesAndATensor_RunsTheBodyForEach()
    {
        var body = Body("body", ["a", "b", "c"], ["d"], Node("Add", ["a", "b"], ["t"]), Node("Mul", ["t", "c"], ["d"]));
        var net = new TinyOnnx().Add("SplitToSequence", ["x"], "s", AttributeProto.From("axis", 1L)).Add("SequenceMap", ["s", "s", "ten"], "t", body)
            .Add("ConcatFromSequence", ["t"], "y", AttributeProto.From("axis", 1L)).Store("ten", Tensor.Full([], 10));
        Assert.Equal([20, 40, 60, 80, 100], Run(net)[0].ToArray<float>());
    }

    [Fact]
    public void Optional_WithAndWithoutAValue_IsToldApart()
    {
        var net = new TinyOnnx().Add("Optional", ["x"], "some").Add("Optional", [], "none").Add("OptionalHasElement", ["some"], "a")
            .Add("OptionalHasElement", ["none"], "b").Add("Xor", ["a", "b"], "one").Add("OptionalGetElement", ["some"], "v")
            .Add("Where", ["one", "v", "zero"], "y").Store("zero", Tensor.Full([], 0));
        Assert.Equal([1, 2, 3, 4, 5], Run(net)[0].ToArray<float>());
        Assert.Contains("holds nothing", Refused(new TinyOnnx().Add("Optional", [], "none").Add("OptionalGetElement", ["none"], "y")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Operators_WithWhatTheyCantTake_SayWhich()
    {
        Assert.Contains("Relu 'y': its input 's' is a sequence",
            Refused(new TinyOnnx().Add("SequenceConstruct", ["x"], "s").Add("Relu", ["s"], "y")), StringComparison.Ordinal);
        Assert.Contains("a sequence is expected", Refused(new TinyOnnx().Add("SequenceLength", ["x"], "y")), StringComparison.Ordinal);
        Assert.Contains("no place 1 among 1", Refused(new TinyOnnx().Add("SequenceConstruct", ["x"], "s").Add("SequenceAt", ["s", "one"], "y")
            .Store("one", Number(1))), StringComparison.Ordinal);
        Assert.Contains("without elements", Refused(new TinyOnnx().Add("SequenceEmpty", [], "s").Add("ConcatFromSequence", ["s"], "y",
            AttributeProto.From("axis", 0L))), StringComparison.Ordinal);
        Assert.Contains("parts of 2, 2", Refused(new TinyOnnx().Add("SplitToSequence", ["x", "parts"], "y", AttributeProto.From("axis", 1L))
            .Numbers("parts", 2, 2)), StringComparison.Ordinal);
    }

    /// <summary>Channels taken apart keep their number; what is behind is pruned through the sequence, and each of its outputs is compared.</summary>
    [Fact]
    public void Prune_ThroughASequence_CutsWhatItDoesNotCount()
    {
        var net = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Conv", ["a", "w2"], "b").Add("SplitToSequence", ["b", "one"], "s")
            .Add("SequenceAt", ["s", "zero"], "p").Add("SequenceAt", ["s", "one"], "q").Add("Add", ["p", "q"], "r").Add("Conv", ["r", "w3"], "c")
            .Add("SplitToSequence", ["c"], "y", AttributeProto.From("axis", 1L))
            .Weight("w1", 4, 2, 1, 1).Weight("w2", 6, 4, 1, 1).Weight("w3", 3, 6, 1, 1).Store("zero", Number(0)).Store("one", Number(1));
        var pruning = OnnxPruning.Open(net.Save(_folder["model.onnx"], 2, 2, 2, 2));
        Assert.Equal([4, 6], pruning.Dependencies.Groups.Select(group => group.Size).Order());
        Assert.Equal(3, pruning.Graph.Outputs.Count);
        var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
        Assert.InRange(pruning.Save(removal, _folder["small.onnx"]).LargestDifference, 0, Verification.Tolerance);
    }

    [Fact]
    public void Prune_AxisThatASequenceCounts_IsPinned()
    {
        var net = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("SplitToSequence", ["a", "three"], "s", AttributeProto.From("axis", 1L))
            .Add("SequenceAt", ["s", "zero"], "b").Add("Conv", ["b", "w2"], "y").Weight("w1", 6, 2, 1, 1).Weight("w2", 3, 3, 1, 1)
            .Store("zero", Number(0)).Store("three", Number(3));
        var pruning = OnnxPruning.Open(net.Save(_folder["model.onnx"], 1, 2, 2, 2));
        Assert.Empty(pruning.Dependencies.Groups);
        Assert.Contains(pruning.Dependencies.Pinned, axis => axis.Reason.Contains("its parts are counted", StringComparison.Ordinal));
    }

    private string Refused(TinyOnnx net) => Assert.Throws<OnnxException>(() => Run(net)).Message;

    private Tensor[] Run(TinyOnnx net)
    {
        File.Delete(_folder["net.onnx"]);
        using var file = OnnxFile.Open(net.Save(_folder["net.onnx"], 1, 5));
        return new OnnxModule(file).Forward(Tensor.From<float>([1, 2, 3, 4, 5], [1, 5]));
    }

    private static Tensor Number(long value) => Tensor.From<long>([value], []);
}
