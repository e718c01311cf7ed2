using System.Text.Json;
using Coppice.Data;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tests.Training.Distillation;
using Coppice.Training;
using Coppice.Training.Distillation;

namespace Coppice.Tests.Golden;

/// <summary>Distillation losses and their gradients to what the student computed, as PyTorch has them.</summary>
public sealed class DistillationTests
{
    private const float Tolerance = 2e-6f;
    private static readonly JsonElement Expected = GoldenFiles.Json("distillation", "expected.json");

    [Fact]
    public void Logits_AtTemperature4AndAlpha07_AreAsInPyTorch()
    {
        var golden = Expected.GetProperty("knowledge");
        var student = new TwoParts(Values(golden, "students", 0, [5, 7]));
        var teacher = new TwoParts(Values(golden, "constants", 0, [5, 7]));
        var lesson = new Lesson(Task(student), Task(teacher), new() { Temperature = 4, Alpha = 0.7f },
            () => new TextBatch(Tensor.Zeros([5, 1], DType.I64), [1, 1, 1, 1, 1], Tensor.From<long>([0, 6, 2, 3, 3], [5])));
        Check(golden, lesson, "logits.value");
    }

    [Fact]
    public void AttentionMap_OfConvolutions_IsAsInPyTorch()
    {
        var golden = Expected.GetProperty("attention map");
        Check(golden, Transfer(new AttentionMapTransfer("part", "part"),
            new Constant(Values(golden, "students", 0, [2, 3, 4, 4])), new Constant(Values(golden, "constants", 0, [2, 5, 4, 4]))),
            "part.value");
    }

    [Theory]
    [InlineData("relation", false)]
    [InlineData("causal relation", true)]
    public void AttentionRelation_OfQueriesAndKeys_IsAsInPyTorch(string name, bool isCausal)
    {
        var golden = Expected.GetProperty(name);
        Check(golden, Transfer(new AttentionRelationTransfer("part", "part"),
            Attention("students", [2, 2, 5, 3]), Attention("constants", [2, 2, 5, 6]), isPadded: !isCausal), "part.queries", "part.keys");

        ConstantAttention Attention(string whose, Shape shape) =>
            new(Values(golden, whose, 0, shape), Values(golden, whose, 1, shape), isCausal);
    }

    [Fact]
    public void HiddenState_Projected_IsAsInPyTorch()
    {
        var golden = Expected.GetProperty("hidden");
        var transfer = new HiddenStateTransfer("part", "part") { Projected = true };
        var lesson = Transfer(transfer,
            new Constant(Values(golden, "students", 0, [2, 5, 4])), new Constant(Values(golden, "constants", 0, [2, 5, 6])),
            setProjection: projection => projection.Parameter("weight").Data.CopyFrom(Values(golden, "constants", 1, [6, 4])));
        Check(golden, lesson, "part.value");
    }

    /// <summary>A lesson in which logits are alike and only a layer is matched, in two texts of 5 and 3 tokens.</summary>
    private static Lesson Transfer(LayerTransfer transfer, Module student, Module teacher, bool isPadded = true,
        Action<Module>? setProjection = null) => new(
            Task(new TwoParts(Tensor.Zeros([1, 2]), student)), Task(new TwoParts(Tensor.Zeros([1, 2]), teacher)),
            new()
            {
                Alpha = 1,
                Transfers = [transfer],
                ProjectionOptimizer = projections =>
                {
                    setProjection?.Invoke(projections.Find("0"));
                    return new Sgd(projections, 0);
                },
            },
            () => new TextBatch(Tensor.Zeros([2, 5], DType.I64), [5, isPadded ? 3 : 5], Tensor.From<long>([0], [1])));

    private static TrainingTask Task(TwoParts model) => new(model, batch => model.Forward(((TextBatch)batch).Ids));

    private static void Check(JsonElement golden, Lesson lesson, params string[] parameters)
    {
        Assert.Equal(golden.GetProperty("loss").GetSingle(), lesson.Differentiate(), Tolerance);
        var all = lesson.Student.Module.NamedParameters().ToDictionary(entry => entry.Name, entry => entry.Parameter);
        foreach (var (i, name) in parameters.Index())
            GoldenFiles.AssertClose(Floats(golden, "gradients", i), lesson.Gradients[all[name]].ToArray<float>(), Tolerance);
    }

    private static Tensor Values(JsonElement golden, string name, int number, Shape shape) =>
        Tensor.From<float>(Floats(golden, name, number), shape);

    private static float[] Floats(JsonElement golden, string name, int number) =>
        golden.GetProperty(name)[number].Deserialize<float[]>()!;
}
