using Coppice.Checkpoints;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Recipes;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Onnx;

namespace Coppice.Tests.Recipes;

/// <summary>ONNX files that a recipe cuts.</summary>
public sealed class OnnxRecipeModelTests : IDisposable
{
    private const string Train = """{"type": "train", "steps": 2, "batchSize": 8, "saveEvery": 1, "optimizer": {"learningRate": 0.005, "momentum": 0.9}, "distill": {} }""";

    /// <summary>Cut twice, with masks in force and layers that get a bias.</summary>
    private const string Iterative = $$"""
        {"type": "prune", "amount": 0.3, "include": ["w2"]},
        {"type": "cut", "targetMacs": 0.7, "scope": "global", "criterion": "taylor", "compensate": ["least-squares", "batch-norm"], "calibrationExamples": 16},
        {{Train}},
        {"type": "cut", "amount": 0.5, "criterion": "wanda", "compensate": ["bias"], "calibrationExamples": 8},
        {{Train}}
        """;

    private readonly TestRecipe _recipe = new();

    public void Dispose() => _recipe.Dispose();

    [Fact]
    public void Run_CutTwice_TrainsTheSmallerFileAndWritesItWithItsPlan()
    {
        var result = _recipe.Run(Tiny(), Iterative);
        Assert.Equal(["model.onnx", "model.onnx.plan.json"], result.Outputs.Keys.Order(StringComparer.Ordinal));
        using var weights = OnnxWeights.Open(Path.Combine(_recipe["out"], "model.onnx"));
        Assert.Equal([3, 1, 3, 3], weights["w1"].Shape);
        Assert.Equal([4, 3, 3, 3], weights["w2"].Shape);
        Assert.Equal([4, 10], weights["w3"].Shape);
        Assert.Contains(weights.Tensors, tensor => tensor.Name.StartsWith("w2_bias", StringComparison.Ordinal));
        Assert.All(result.Reports, report => Assert.True(double.IsFinite(report.Quality!.Loss)));
        // 0.3 of the entries of w2 were masked before it was cut, and still are.
        Assert.InRange(result.Reports[^1].SparsityInScope, 0.15, 0.45);
        Assert.Equal(result.Reports[4].SparsityInScope, result.Reports[5].SparsityInScope);
        AssertPlanIsOfTheStart();
    }

    [Fact]
    public void Run_KilledAfterEachStage_EndsWithTheSameBytes()
    {
        var members = Tiny();
        TestRecipe.AssertSame(_recipe.Run(members, Iterative, "whole"), _recipe.RunKilled(members, Iterative, "killed"));
        var verification = RunVerification.Of(Path.Combine(_recipe["whole"], "lock.json"), cancellation: TestContext.Current.CancellationToken);
        Assert.Empty(verification.Differences);
    }

    /// <summary>Kept while the run is, and made again where it is lost.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_KilledAfterACut_KeepsTheFileThatItLeft(bool isLost)
    {
        const string stages = $$"""{"type": "cut", "amount": 0.25}, {{Train}}, {"type": "cut", "amount": 0.5}, {{Train}}""";
        var file = _recipe.Read(Tiny(), stages);
        var whole = RecipeRun.Prepare(file, _recipe["whole"]).Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Throws<InvalidOperationException>(() => RecipeRun.Prepare(file, _recipe["killed"]).Run(progress =>
        {
            if (progress.Stage == 3 && progress.Done is null)
                throw new InvalidOperationException("killed");
        }, TestContext.Current.CancellationToken));
        var kept = Directory.GetFiles(Path.Combine(_recipe["killed"], "state"), "*.onnx");
        Assert.Equal([3, 4], kept.Select(path => FiltersIn(path)).Order());
        foreach (var path in isLost ? kept : [])
            File.Delete(path);
        TestRecipe.AssertSame(whole, RecipeRun.Prepare(file, _recipe["killed"]).Run(cancellation: TestContext.Current.CancellationToken));

        static int FiltersIn(string path)
        {
            using var weights = OnnxWeights.Open(path);
            return weights["w1"].Shape[0];
        }
    }

    [Fact]
    public void Run_RewindOverACut_PutsTheFirstWeightsIntoWhatIsLeft()
    {
        _recipe.Run(Tiny(), $$"""{{Train}}, {"type": "cut", "amount": 0.5, "compensate": ["bias"], "calibrationExamples": 8}, {{Train}}, {"type": "rewind"}""");
        using var before = OnnxWeights.Open(_recipe["tiny.onnx"]);
        using var after = OnnxWeights.Open(Path.Combine(_recipe["out"], "model.onnx"));
        var plan = StructuralPlan.Load(PretrainedVisionModel.PlanPath(Path.Combine(_recipe["out"], "model.onnx")));
        Assert.Equal(plan.Tensors.Single(tensor => tensor.Name == "w2").Cut(before["w2"].ToSingle()).ToArray<float>(), after["w2"].ToSingle().ToArray<float>());
        Assert.All(after.Tensors.Where(tensor => tensor.Name.Contains("_bias", StringComparison.Ordinal)),
            bias => Assert.All(bias.ToSingle().ToArray<float>(), value => Assert.Equal(0, value)));
    }

    [Fact]
    public void Run_FileOfF16_StaysOne()
    {
        var result = _recipe.Run(Tiny(DType.F16), $$"""{{Train}}, {"type": "cut", "amount": 0.5}, {{Train}}""");
        using var weights = OnnxWeights.Open(Path.Combine(_recipe["out"], "model.onnx"));
        Assert.All(weights.Tensors, tensor => Assert.Equal(DType.F16, tensor.DType));
        using var file = OnnxFile.Open(Path.Combine(_recipe["out"], "model.onnx"));
        Assert.Equal(10, new OnnxImageClassifier(new(file)).Labels);
        Assert.All(result.Reports, report => Assert.True(double.IsFinite(report.Quality!.Loss)));
    }

    [Fact]
    public void Run_SampleFile_IsCutToASize()
    {
        var result = _recipe.Run(TestRecipe.Onnx, """{"type": "cut", "targetSize": "20kB", "scope": "global"}""");
        Assert.InRange(new FileInfo(Path.Combine(_recipe["out"], "model.onnx")).Length, 15 * 1024, 20 * 1024);
        Assert.True(result.Reports[1].Cut!.ParametersAfter < result.Reports[1].Cut!.ParametersBefore);
    }

    [Theory]
    [InlineData("""{"type": "cut", "amount": 0.5, "granularity": "layer"}""", "stages[0]: the model has no residual block that could be left out")]
    [InlineData("""{"type": "cut", "criterion": "slimming"}""", "stages[0]: Network slimming goes by the scales")]
    [InlineData("""{"type": "cut", "amount": 0.5, "compensate": ["batch-norm"]}""", "stages[0]: batch-norm: the model has no batch normalisation")]
    [InlineData("""{"type": "cut", "amount": 0.5}, {"type": "cut", "amount": 0.5}""", "stages[1]: there is nothing to cut")]
    public void Prepare_CutThatCantBe_NamesTheStage(string stages, string says) =>
        Assert.Contains(says, _recipe.Error(TestRecipe.Onnx, stages), StringComparison.Ordinal);

    private void AssertPlanIsOfTheStart()
    {
        var pruning = OnnxPruning.Open(_recipe["tiny.onnx"]);
        var plan = StructuralPlan.Load(PretrainedVisionModel.PlanPath(Path.Combine(_recipe["out"], "model.onnx")));
        pruning.Save(Removal.Of(pruning.Dependencies, plan), _recipe["again.onnx"]);
        using var again = OnnxWeights.Open(_recipe["again.onnx"]);
        Assert.Equal([4, 3, 3, 3], again["w2"].Shape);
    }

    /// <summary>Four images at a time; vectors that nodes share; layers without a bias.</summary>
    private string Tiny(DType type = DType.F32)
    {
        var model = new TinyOnnx().Add("Cast", ["x"], "h", AttributeProto.From("to", type == DType.F16 ? 10L : 1L)).Add("Conv", ["h", "w1"], "a").Add("BatchNormalization", ["a", "ones", "zeros", "zeros", "ones"], "n").Add("Relu", ["n"], "b")
            .Add("Conv", ["b", "w2"], "c").Add("Relu", ["c"], "d").Add("GlobalAveragePool", ["d"], "p").Add("Flatten", ["p"], "f")
            .Add("MatMul", ["f", "w3"], "l").Add("Cast", ["l"], "y", AttributeProto.From("to", 1L))
            .Weight("w1", 6, 1, 3, 3).Weight("w2", 8, 6, 3, 3).Weight("w3", 8, 10)
            .Store("ones", Tensor.Full([6], 1)).Store("zeros", Tensor.Zeros([6]));
        foreach (var initializer in model.Graph.Initializers)
            initializer.SetData(TensorSource.From(initializer.Name!, initializer.Source().ToTensor().Cast(type)));
        model.Save(_recipe["tiny.onnx"], 4, 1, 28, 28);
        return TestRecipe.Onnx.Replace($"{TestData.InRepository("samples")}/models/onnx/mnist_cntk.onnx", _recipe["tiny.onnx"], StringComparison.Ordinal);
    }
}
