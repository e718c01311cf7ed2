using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Evaluation.Sensitivity;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Tokenizers;

namespace Coppice.Tests.Evaluation.Sensitivity;

public sealed class SensitivityStudyTests
{
    private static readonly string Gpt2 = TestData.InRepository("samples", "models", "gpt2-student");
    private static readonly string Bert = TestData.InRepository("samples", "models", "bert-thucnews");
    private static readonly string Headlines = TestData.InRepository("samples", "data", "thucnews", "dev-1000.txt");

    [Fact]
    public void Measure_Gpt2_EqualsFullRunsBitForBitAndRestoresTheWeights()
    {
        var (model, windows) = OpenGpt2();
        var before = Bits(model.Module);
        // Early and late blocks, a group over several, and a weight outside the blocks.
        var groups = WeightGroups.Of(model).ByGlobs(["*.h.0.mlp.*", "*.h.11.attn.c_proj.weight", "*.h.?.attn.c_attn.weight"])
            .Append(new("transformer.wpe.weight", Named(model.Module, "transformer.wpe.weight"))).ToList();

        var result = Study(model, groups, windows).Measure([0.8, 0.4]);

        Assert.Equal(before, Bits(model.Module));
        Assert.Equal(LanguageModelEvaluation.Perplexity(model.CausalLanguageModel, windows).Value, result.Baseline);
        foreach (var (group, curve) in groups.Zip(result.Curves))
        {
            Assert.Equal([0.4, 0.8], curve.Points.Select(point => point.Ratio));
            foreach (var point in curve.Points)
            {
                using var pruned = new PrunedInPlace(group.Weights.Select(weight => (weight.Key, weight.Value, point.Ratio)));
                Assert.Equal(LanguageModelEvaluation.Perplexity(model.CausalLanguageModel, windows).Value, point.Quality);
                Assert.Equal(point.Quality / result.Baseline - 1, point.Loss);
            }
        }
    }

    [Theory]
    [InlineData(ClassificationMetric.Accuracy)]
    [InlineData(ClassificationMetric.F1Macro)]
    public void Measure_Bert_EqualsFullRuns(ClassificationMetric metric)
    {
        using var folder = new TempFolder();
        var model = PretrainedModel.Open(Bert);
        var task = ClassificationTask.Open(model, FewHeadlines(folder, 70));
        var groups = WeightGroups.Of(model).ByBlock();
        var chosen = new[] { groups[0], groups[^1] };
        var before = Bits(model.Module);

        var result = new SensitivityStudy(model.Module, chosen, new ClassificationMeasure(task, metric)).Measure([0.9]);

        Assert.Equal(before, Bits(model.Module));
        Assert.Equal(Full(), result.Baseline);
        foreach (var (group, curve) in chosen.Zip(result.Curves))
        {
            using var pruned = new PrunedInPlace(group.Weights.Select(weight => (weight.Key, weight.Value, 0.9)));
            Assert.Equal(Full(), curve.Points[0].Quality);
            Assert.Equal(result.Baseline - curve.Points[0].Quality, curve.Points[0].Loss);
        }

        double Full()
        {
            var report = task.Measure(task.Predict().Classes);
            return metric == ClassificationMetric.Accuracy ? report.Accuracy : report.F1Macro;
        }
    }

    [Fact]
    public void Measure_CachedStates_GiveTheLogitsOfTheModelItself()
    {
        var model = PretrainedModel.Open(Bert);
        var blocks = (IBlockModel)model.Module;
        var ids = Tensors.Tensor.From<long>([2, 5, 7, 9, 11, 13], [2, 3]);

        var mask = Padding.TrailingMask([3, 2], 3);
        var hidden = blocks.Embed(ids);
        for (var i = 0; i < blocks.Blocks.Count; i++)
            hidden = blocks.RunBlock(i, hidden, mask);

        Assert.Equal(model.TextClassifier.Forward(ids, [3, 2]).ToArray<float>(), blocks.Finish(hidden).ToArray<float>());
    }

    [Fact]
    public void Measure_Cancelled_RestoresTheWeights()
    {
        var (model, windows) = OpenGpt2();
        var before = Bits(model.Module);
        using var cancel = new CancellationTokenSource();
        var study = Study(model, WeightGroups.Of(model).ByBlock(), windows);

        Assert.Throws<OperationCanceledException>(() => study.Measure([0.9], new CancelAt(0.05, cancel), cancel.Token));

        Assert.Equal(before, Bits(model.Module));
    }

    [Fact]
    public void Measure_Progress_RisesToOne()
    {
        var (model, windows) = OpenGpt2();
        var reports = new Reports();

        Study(model, WeightGroups.Of(model).ByGlobs(["*.h.10.*", "*.h.11.*"]), windows).Measure([0.5], reports);

        Assert.Equal(reports.Values.Order(), reports.Values);
        Assert.Equal(1, reports.Values[^1]);
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0)]
    public void Suggest_AnyBudget_MeasuresWithinItAndRestoresTheWeights(double budget)
    {
        var (model, windows) = OpenGpt2();
        var before = Bits(model.Module);
        var groups = WeightGroups.Of(model).ByGlobs(["*.h.0.*", "*.h.5.*", "*.h.11.*"]);
        var study = Study(model, groups, windows);

        var suggestion = study.Suggest(study.Measure([0.3, 0.6, 0.9]), budget);

        Assert.Equal(before, Bits(model.Module));
        Assert.InRange(suggestion.Loss, double.NegativeInfinity, budget);
        Assert.Equal(groups.Select(group => group.Name), suggestion.Ratios.Keys);
        using var pruned = new PrunedInPlace(groups.SelectMany(g => g.Weights.Select(w => (w.Key, w.Value, suggestion.Ratios[g.Name]))));
        Assert.Equal(LanguageModelEvaluation.Perplexity(model.CausalLanguageModel, windows).Value, suggestion.Quality);
        if (budget > 0)
            Assert.InRange(suggestion.ScopeSparsity, 0.1, 0.9);
    }

    [Fact]
    public void Suggest_LossesThatPileUp_ShrinksTheRatiosIntoTheBudget()
    {
        var (model, _) = OpenGpt2();
        var groups = WeightGroups.Of(model).ByGlobs(["*.h.0.*", "*.h.1.*"]);
        var measure = new PileUp(groups);
        var study = new SensitivityStudy(model.Module, groups, measure);

        var suggestion = study.Suggest(study.Measure([0.5]), 0.1);

        // Alone each group is free up to 0.5; together every zero costs: x + x of both halves must stay below 0.1.
        Assert.InRange(suggestion.Shrink, 0.05, 0.2);
        Assert.InRange(suggestion.Loss, 0.0, 0.1);
    }

    [Fact]
    public void Constructor_OverlappingGroups_NamesBoth()
    {
        var (model, windows) = OpenGpt2();
        var groups = WeightGroups.Of(model).ByGlobs(["*.h.0.*", "*.mlp.c_fc.*"]);

        var error = Assert.Throws<ArgumentException>(() => Study(model, groups, windows));

        Assert.Contains("'*.h.0.*' and '*.mlp.c_fc.*' both hold 'transformer.h.0.mlp.c_fc.weight'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Measure_RatioOutOfRange_Throws()
    {
        var (model, windows) = OpenGpt2();
        var study = Study(model, WeightGroups.Of(model).ByBlock(), windows);

        Assert.Throws<ArgumentException>(() => study.Measure([0.5, 1.5]));
        Assert.Throws<ArgumentException>(() => study.Measure([]));
    }

    [Fact]
    public void Measure_WeightWithNaN_IsRefusedByName()
    {
        var (model, windows) = OpenGpt2();
        var groups = WeightGroups.Of(model).ByGlobs(["*.h.11.mlp.c_fc.weight"]);
        groups[0].Weights.Values.Single().Data.AsSpan<float>()[7] = float.NaN;

        var error = Assert.Throws<PruningException>(() =>
            Study(model, groups, windows).Measure([0.5]));

        Assert.Contains("transformer.h.11.mlp.c_fc.weight", error.Message, StringComparison.Ordinal);
    }

    private static SensitivityStudy Study(PretrainedModel model, IReadOnlyList<WeightGroup> groups, TokenWindows windows) =>
        new(model.Module, groups, new PerplexityMeasure(model.CausalLanguageModel, windows));

    private static (PretrainedModel Model, TokenWindows Windows) OpenGpt2()
    {
        var model = PretrainedModel.Open(Gpt2);
        const string Text = "O Romeo, Romeo, wherefore art thou Romeo? Deny thy father and refuse thy name.";
        var ids = Tokenizer.FromFolder(Gpt2).Encode(Text, addSpecialTokens: false);
        return (model, new TokenWindows(ids, 8, 8, 2));
    }

    private static string FewHeadlines(TempFolder folder, int count)
    {
        folder.Write("class.txt", File.ReadAllBytes(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Headlines)!, "class.txt")));
        return folder.Write("few.txt", System.Text.Encoding.UTF8.GetBytes(string.Join('\n', File.ReadLines(Headlines).Take(count))));
    }

    private static Dictionary<string, Parameter> Named(Module module, string name) =>
        new() { [name] = module.NamedParameters().Single(entry => entry.Name == name).Parameter };

    /// <summary>Every parameter's bits; as integers, so that -0 differs from 0.</summary>
    private static Dictionary<string, int[]> Bits(Module module) => module.NamedParameters()
        .ToDictionary(entry => entry.Name, entry => entry.Parameter.Data.ToArray<float>().Select(BitConverter.SingleToInt32Bits).ToArray());

    private sealed class CancelAt(double share, CancellationTokenSource source) : IProgress<double>
    {
        public void Report(double value)
        {
            if (value >= share)
                source.Cancel();
        }
    }

    private sealed class Reports : IProgress<double>
    {
        public List<double> Values { get; } = [];

        public void Report(double value) => Values.Add(value);
    }

    /// <summary>Loss 0 while only one group has zeros, else the zeros' share of all elements.</summary>
    private sealed class PileUp(IReadOnlyList<WeightGroup> groups) : IQualityMeasure
    {
        public string Metric => "health";

        public string LossMeaning => "drop";

        public int Batches => 1;

        public (Tensors.Tensor Ids, Tensors.Tensor? Mask) Input(int batch) => (Tensors.Tensor.From<long>([1, 2], [1, 2]), null);

        public double Measure(Func<int, Tensors.Tensor> logitsOf, CancellationToken cancellation)
        {
            logitsOf(0);
            var zeros = groups
                .Select(group => group.Weights.Values.Sum(weight => weight.Data.AsReadOnlySpan<float>().Count(0f))).ToList();
            return zeros.Count(count => count > 0) < 2 ? 1 : 1 - 2.0 * zeros.Sum() / groups.Sum(group => group.Elements);
        }

        public double Loss(double baseline, double quality) => baseline - quality;
    }
}
