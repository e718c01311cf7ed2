using Coppice.Data;
using Coppice.Models.Bert;
using Coppice.Models.Gpt2;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Training;
using Coppice.Training.Distillation;

namespace Coppice.Tests.Training.Distillation;

public sealed class KnowledgeDistillationTests : IDisposable
{
    private const int Texts = 2;
    private const int Steps = 5;
    private const int Classes = 3;
    private readonly TempFolder _folder = new();

    /// <summary>Each term alone, from a student narrower than its teacher (width 8 and 2 heads, 12 and 3).</summary>
    private static readonly Dictionary<string, (string Family, DistillationOptions Options)> Terms = new()
    {
        ["logits"] = ("bert", new() { Alpha = 0.7f, Temperature = 3 }),
        ["hidden"] = ("bert", Layers(new HiddenStateTransfer("bert.encoder.layer.0", "bert.encoder.layer.1", 2) { Projected = true })),
        ["pooled"] = ("bert", Layers(new HiddenStateTransfer("bert.pooler", "bert.pooler") { Projected = true })),
        ["minilm"] = ("bert", Layers(
            new AttentionRelationTransfer("bert.encoder.layer.1", "bert.encoder.layer.1") { Heads = 4 },
            new AttentionRelationTransfer("bert.encoder.layer.1", "bert.encoder.layer.1")
            {
                Heads = 4,
                Relation = AttentionRelation.ValueValue,
            })),
        ["minilm2"] = ("gpt2", Layers(
            new AttentionRelationTransfer("transformer.h.1.attn", "transformer.h.1") { Heads = 4, Relation = AttentionRelation.QueryQuery },
            new AttentionRelationTransfer("transformer.h.0", "transformer.h.1") { Heads = 4, Relation = AttentionRelation.KeyKey })),
        ["gpt2 block"] = ("gpt2", Layers(new HiddenStateTransfer("transformer.h.1", "transformer.h.0") { Projected = true })),
        ["map"] = ("cnn", Layers(new AttentionMapTransfer("0", "0", 50))),
        ["channels"] = ("cnn", Layers(new HiddenStateTransfer("0", "0") { Projected = true })),
    };

    public static TheoryData<string> TermNames => [.. Terms.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(TermNames))]
    public void Loss_OfEachTerm_HasTheGradientThatDifferencesShow(string name)
    {
        const float H = 2e-3f;
        var lesson = LessonOf(name);
        lesson.Differentiate();
        var random = new RandomSource(5);
        for (var direction = 0; direction < 3; direction++)
        {
            var (expected, moves) = (0.0, new List<(Parameter, float[])>());
            foreach (var (_, parameter) in lesson.Student.Module.NamedParameters())
            {
                float[] move = [.. Enumerable.Range(0, (int)parameter.Shape.Count).Select(_ => random.NextSingle() < 0.5f ? -1f : 1f)];
                moves.Add((parameter, move));
                if (lesson.Gradients.TryGetValue(parameter, out var gradient))
                    expected += gradient.ToArray<float>().Zip(move, (g, m) => (double)g * m).Sum();
            }
            Move(moves, H);
            var above = lesson.Step();
            Move(moves, -2 * H);
            var below = lesson.Step();
            Move(moves, H);
            Assert.Equal(expected, (above - below) / (2.0 * H), 2e-3 + 2e-2 * Math.Abs(expected));
        }
    }

    [Theory]
    [MemberData(nameof(TermNames))]
    public void Loss_OfEachTerm_GivesGradientsToTheStudentAlone(string name)
    {
        var lesson = LessonOf(name);
        var before = Values(lesson.Teacher.Module);
        lesson.Teacher.Module.Train();
        lesson.Differentiate();
        Assert.Contains(lesson.Gradients.Values, gradient => gradient.ToArray<float>().Any(value => value != 0));
        Assert.All(lesson.Teacher.Module.NamedParameters(), entry => Assert.Null(entry.Parameter.Gradient));
        Assert.Equal(before, Values(lesson.Teacher.Module));
        Assert.False(lesson.Teacher.Module.IsTraining);
    }

    [Fact]
    public void Loss_OfPaddedTexts_DoesNotDependOnThePadding()
    {
        foreach (var name in (string[])["hidden", "minilm"])
        {
            var (short5, long8) = (LessonOf(name), LessonOf(name, padding: 3));
            Assert.Equal(short5.Step(), long8.Step(), 2e-6f);
        }
    }

    [Fact]
    public void Loss_OfLogitsAndALayer_IsTheWeightedSumOfItsParts()
    {
        var (student, teacher) = (Row(1, 2, 3), Row(0, -1, 2));
        var (ours, theirs) = (Row(1, 1), Row(3, 0));
        var lesson = new Lesson(Parts(student, ours), Parts(teacher, theirs),
            new() { Alpha = 0.25f, Temperature = 2, Transfers = [new HiddenStateTransfer("part", "part", 0.5f)] },
            () => new TextBatch(Tensor.Zeros([1, 1], DType.I64), [1], Tensor.From<long>([2], [1])));
        var (p, q) = (Softmax([0, -0.5, 1]), Softmax([0.5, 1, 1.5]));
        var divergence = p.Zip(q, (t, s) => t * Math.Log(t / s)).Sum();
        var crossEntropy = -Math.Log(Softmax([1, 2, 3])[2]);
        Assert.Equal(0.75 * crossEntropy + 0.25 * 4 * divergence + 0.5 * (4 + 1) / 2, lesson.Step(), 1e-6);

        static Tensor Row(params float[] values) => Tensor.From<float>(values, [1, values.Length]);
    }

    [Fact]
    public void Teacher_WithinAStep_HasItsMemoryRecycled()
    {
        var (student, teacher) = (Bert(8, 2, 1), Bert(12, 3, 2));
        var seen = new List<Tensor>();
        foreach (var (_, module) in teacher.Module.NamedModules())
            module.Observe(seen.Add);
        Tensor? logits = null;
        teacher.Module.Observe(output => logits = output);
        var witness = new Witness(() =>
        {
            logits!.ToArray<float>();
            foreach (var tensor in seen.Where(tensor => !ReferenceEquals(tensor, logits)))
                Assert.Throws<ObjectDisposedException>(() => tensor.ToArray<float>());
        });
        new Trainer(student, new Sgd(student.Module, 0), FewBatches.Of(() => Batch()), new() { Steps = 1 },
            new KnowledgeDistillation(teacher, new()), witness).Run();
        Assert.True(seen.Count > 20);
        Assert.Throws<ObjectDisposedException>(() => logits!.ToArray<float>());
    }

    [Fact]
    public void Projection_OfAFrozenStudent_IsLearnt()
    {
        var (student, teacher) = (Bert(8, 2, 1), Bert(12, 3, 2));
        var losses = new List<double>();
        new Trainer(student, new Sgd(student.Module, 0), FewBatches.Of(() => Batch()), new() { Steps = 20, ReportEvery = 1 },
            new KnowledgeDistillation(teacher, Terms["hidden"].Options with { ProjectionOptimizer = module => new AdamW(module, 0.05) }))
            .Run(report => losses.Add(report.Loss));
        var task = Measurement.Of(student, FewBatches.Of(() => Batch())).Loss;   // alpha is 0: the rest is the projection's
        Assert.True(losses[^1] - task < 0.2 * (losses[0] - task), $"{losses[0]} -> {losses[^1]}, of which {task}");
    }

    [Fact]
    public void Run_KilledAndResumed_EndsWithTheSameBytes()
    {
        var (whole, _) = Train(_folder["whole"], killAfter: null);
        var file = _folder["killed"];
        var (_, killed) = Train(file, killAfter: 3);
        Assert.True(killed);
        var (resumed, _) = Train(file, killAfter: null);
        Assert.Contains(whole, entry => entry.Name.StartsWith("projection/0.weight", StringComparison.Ordinal));
        Assert.Contains(whole, entry => entry.Name.StartsWith("optimizer/0.weight/second", StringComparison.Ordinal));
        Assert.Equal(whole, resumed);
    }

    [Fact]
    public void Run_OfAFinishedRunAgain_KeepsItsState()
    {
        var file = _folder["state"];
        var (first, _) = Train(file, killAfter: null);
        Assert.Equal(first, Train(file, killAfter: null).State);
        Assert.Equal(first, Train(file, killAfter: null).State);
    }

    [Fact]
    public void Started_WithOtherClasses_NamesBothNumbers()
    {
        var error = Refused(Bert(8, 2, 1), Bert(8, 2, 2, classes: 7), new());
        Assert.Contains("3 classes apart, the teacher 7", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Started_WithLayersAlone_TakesATeacherOfOtherClasses() => Assert.True(float.IsFinite(
        new Lesson(Bert(8, 2, 1), Bert(12, 3, 2, classes: 7), Terms["hidden"].Options, () => Batch()).Step()));

    [Theory]
    [InlineData("bert.encoder.layers.0", "'bert.encoder.layer.0'")]
    [InlineData("bert.encoder", "holds 2 self-attention modules")]
    public void Started_WithAWrongPath_NamesItAndWhatIsNear(string path, string expected)
    {
        var error = Refused(Bert(8, 2, 1), Bert(8, 2, 2), Layers(new AttentionRelationTransfer("bert.encoder.layer.0", path)));
        Assert.Contains("AttentionRelationTransfer, teacher", error, StringComparison.Ordinal);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Started_WithTheStudentAsTeacher_IsRefused()
    {
        var student = Bert(8, 2, 1);
        Assert.Contains("share modules", Refused(student, student, new()), StringComparison.Ordinal);
    }

    [Fact]
    public void FirstStep_OfUnknownModelsWithOtherClasses_NamesBothNumbers()
    {
        var (student, teacher) = (Parts(Tensor.Zeros([2, 3])), Parts(Tensor.Zeros([2, 4])));
        Assert.Contains("3 classes apart, the teacher 4", Refused(student, teacher, new()), StringComparison.Ordinal);
    }

    [Fact]
    public void Step_WithAnInfiniteProjectionGradient_IsRefused()
    {
        var student = Parts(Tensor.Zeros([2, 3]), Tensor.Full([1, 1], 1e5f));
        var teacher = Parts(Tensor.Zeros([2, 3]), Tensor.Zeros([1, 1]));
        student.Module.Find("part").Parameter("value").RequiresGradient = false;    // the trainer refuses its gradient otherwise
        var options = Layers(new HiddenStateTransfer("part", "part", 1e30f) { Projected = true }) with
        {
            ProjectionOptimizer = module =>
            {
                module.Find("0").Parameter("weight").Data.AsSpan<float>()[0] = 0.1f;
                return new Sgd(module, 0.1);
            },
        };
        Assert.Contains("Step 0: the gradient of projection '0.weight'", Refused(student, teacher, options), StringComparison.Ordinal);
    }

    [Fact]
    public void FirstStep_WithOtherShapes_NamesBothAndTheRemedy()
    {
        var (student, teacher) = (Bert(8, 2, 1), Bert(12, 3, 2));
        var hidden = Refused(student, teacher, Layers(new HiddenStateTransfer("bert.pooler", "bert.pooler")));
        Assert.Contains("gives [2, 8], the teacher's 'bert.pooler' [2, 12]. Set Projected", hidden, StringComparison.Ordinal);
        var relation = Layers(new AttentionRelationTransfer("bert.encoder.layer.0", "bert.encoder.layer.0"));
        Assert.Contains("gives [2, 8, 5], the teacher's 'bert.encoder.layer.0' [3, 8, 5]", Refused(student, teacher, relation),
            StringComparison.Ordinal);
        var map = Refused(student, teacher, Layers(new AttentionMapTransfer("bert.pooler", "bert.pooler")));
        Assert.Contains("takes outputs [B, C, H, W]", map, StringComparison.Ordinal);
        var heads = Layers(new AttentionRelationTransfer("bert.encoder.layer.0", "bert.encoder.layer.0") { Heads = 5 });
        Assert.Contains("width of 12 can't be cut into 5 heads", Refused(student, teacher, heads), StringComparison.Ordinal);
        var silent = Refused(student, teacher, Layers(new HiddenStateTransfer("bert.encoder.layer", "bert.encoder.layer")));
        Assert.Contains("showed nothing in the forward pass", silent, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0.5f)]
    [InlineData(float.NaN, 0.5f)]
    [InlineData(4, 1.5f)]
    [InlineData(4, float.NaN)]
    public void Options_OutOfRange_AreRefused(float temperature, float alpha) => Assert.Throws<ArgumentOutOfRangeException>(
        () => new KnowledgeDistillation(Bert(8, 2, 1), new() { Temperature = temperature, Alpha = alpha }));

    [Fact]
    public void Transfer_OfNegativeWeight_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(
        () => new KnowledgeDistillation(Bert(8, 2, 1), Layers(new HiddenStateTransfer("", "", -1))));

    private static string Refused(TrainingTask student, TrainingTask teacher, DistillationOptions options) =>
        Assert.Throws<TrainingException>(() => new Lesson(student, teacher, options, () => Batch()).Step()).Message;

    /// <summary>Six steps; the state at the end, as names and bytes.</summary>
    private static (List<(string Name, string Bytes)> State, bool Killed) Train(string file, int? killAfter)
    {
        var (student, teacher) = (Bert(8, 2, 1), Bert(12, 3, 2));
        var distillation = new KnowledgeDistillation(teacher, Terms["hidden"].Options with { Alpha = 0.5f });
        using var kill = new CancellationTokenSource();
        var trainer = new Trainer(student, new AdamW(student.Module, 0.01), FewBatches.Of(() => Batch(), () => Batch(seed: 9)),
            new() { Steps = 6, StateFile = file, Accumulate = 2, Schedule = step => 1 / (step + 1.0) },
            distillation, new Killer(kill, killAfter));
        try
        {
            trainer.Run(cancellation: kill.Token);
        }
        catch (OperationCanceledException)
        {
        }
        var state = student.Module.StateDict().Select(entry => (Name: entry.Key, entry.Value)).Concat(distillation.State());
        return ([.. state.Select(entry => (entry.Name, Bytes(entry.Value))).Order()], kill.IsCancellationRequested);
    }

    private static string Bytes(Tensor tensor) => Convert.ToHexString(tensor.Bytes(0, (int)(tensor.Count * tensor.DType.ByteSize())));

    private static Lesson LessonOf(string name, int padding = 0)
    {
        var (family, options) = Terms[name];
        return family switch
        {
            "bert" => new(Bert(8, 2, 1), Bert(12, 3, 2), options, () => Batch(padding)),
            "gpt2" => new(Gpt2(8, 2, 1), Gpt2(12, 3, 2), options, () => Batch(padding)),
            _ => new(Cnn(3, 1), Cnn(5, 2), options, Images),
        };
    }

    private static TrainingTask Parts(Tensor logits, Tensor? part = null)
    {
        var model = new TwoParts(logits, part is null ? null : new Constant(part));
        return new(model, batch => model.Forward(((TextBatch)batch).Ids));
    }

    private static DistillationOptions Layers(params LayerTransfer[] transfers) => new() { Alpha = 0, Transfers = transfers };

    private static TrainingTask Bert(int width, int heads, long seed, int classes = Classes) =>
        TrainingTask.Of(Filled(new BertClassifier(new BertConfig(11, width, 2, heads, 16, 8, Dropout: 0, Labels: classes)), seed));

    /// <summary>GPT-2 on padded texts: what follows the last real token is the answer.</summary>
    private static TrainingTask Gpt2(int width, int heads, long seed)
    {
        var model = Filled(new Gpt2LMHeadModel(new(11, width, 2, heads, 8)), seed);
        return new(model, batch =>
        {
            var ids = ((TextBatch)batch).Ids;
            return model.Forward(ids).Narrow(1, 0, 1).Squeeze(1);
        });
    }

    private static TrainingTask Cnn(int channels, long seed)
    {
        var layers = new Sequential(new Conv2d(1, channels, 3), new Activation("gelu"), new Flatten(), new Linear(channels * 16, Classes));
        var model = Filled(layers, seed);
        return new(model, batch => model.Forward(((ImageBatch)batch).Images));
    }

    private static TextBatch Batch(int padding = 0, long seed = 4)
    {
        var random = new RandomSource(seed);
        var ids = Tensor.Zeros([Texts, Steps + padding], DType.I64);
        for (var i = 0; i < Texts; i++)
            for (var j = 0; j < Steps; j++)
                ids.AsSpan<long>()[i * (Steps + padding) + j] = random.NextUInt32() % 11;
        return new(ids, [Steps, 3], Tensor.From<long>([0, 2], [Texts]));
    }

    private static ImageBatch Images()
    {
        var images = Tensor.Zeros([2, 1, 6, 6]);
        Fill(images, new(3));
        return new(images, Tensor.From<long>([0, 2], [2]));
    }

    private static T Filled<T>(T model, long seed) where T : Module
    {
        var random = new RandomSource(seed);
        foreach (var (_, parameter) in model.NamedParameters())
            Fill(parameter.Data, random);
        return model;
    }

    private static void Fill(Tensor tensor, RandomSource random)
    {
        foreach (ref var value in tensor.AsSpan<float>())
            value = random.NextSingle() - 0.5f;
    }

    private static void Move(List<(Parameter Parameter, float[] Direction)> moves, float step)
    {
        foreach (var (parameter, direction) in moves)
            for (var i = 0; i < direction.Length; i++)
                parameter.Data.AsSpan<float>()[i] += step * direction[i];
    }

    private static List<string> Values(Module module) => [.. module.StateDict().Values.Select(Bytes)];

    private static double[] Softmax(double[] logits)
    {
        var sum = logits.Sum(Math.Exp);
        return [.. logits.Select(x => Math.Exp(x) / sum)];
    }

    private sealed class Witness(Action afterLoss) : TrainingCallback
    {
        public override Tensor Loss(Trainer trainer, TrainingBatch batch, Tensor logits, Tensor loss)
        {
            afterLoss();
            return loss;
        }
    }

    private sealed class Killer(CancellationTokenSource kill, int? after) : TrainingCallback
    {
        public override void StepDone(Trainer trainer)
        {
            if (trainer.Step + 1 == after)
                kill.Cancel();
        }
    }
}
