using System.Text.Json;
using Coppice.Data;
using Coppice.Modules;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Tests.Golden;

namespace Coppice.Tests.Pruning.Criteria;

/// <summary>Scores of a tiny network on three batches against PyTorch's.</summary>
public sealed class GoldenScoresTests
{
    private static readonly JsonElement Golden = GoldenFiles.Json("criteria", "scores.json");

    public static TheoryData<string> Criteria => ["taylor", "taylor-channels", "snip", "obd", "obd-channels", "output-gradient", "l1-channels"];

    [Theory]
    [MemberData(nameof(Criteria))]
    public void ScoreAll_OfATinyNetwork_IsPyTorchs(string name)
    {
        var model = Network();
        var weights = LiveWeight.Select(model, include: ["0.weight", "3.weight", "6.weight"]);
        var criterion = Create(name);
        model.Train();
        var before = Callbacks.SmallNet.State(model);
        var scores = criterion.ScoreAll(new Calibration(Callbacks.SmallNet.Task(model), Data(), 5).Gather(weights, criterion.Needs));
        Assert.Equal(before, Callbacks.SmallNet.State(model));
        Assert.True(model.IsTraining);
        Assert.All(model.NamedParameters(), entry => Assert.Null(entry.Parameter.Gradient));
        foreach (var (weight, score) in weights.Zip(scores))
        {
            var expected = Golden.GetProperty("scores").GetProperty(name).GetProperty(weight.FullName).Deserialize<float[]>()!;
            GoldenFiles.AssertClose(expected, score.ToArray<float>(), 2e-5f * expected.Max(Math.Abs));
        }
    }

    private static Criterion Create(string name) => name switch
    {
        "taylor" => new FirstOrderTaylor(),
        "taylor-channels" => new FirstOrderTaylor(PruningUnit.Channel),
        "snip" => new Snip(),
        "obd" => new OptimalBrainDamage(),
        "obd-channels" => new OptimalBrainDamage(PruningUnit.Channel),
        "output-gradient" => new OutputGradient(),
        _ => new ChannelNorm(1),
    };

    private static Sequential Network()
    {
        var model = new Sequential(new Conv2d(2, 4, 3, padding: 1), new BatchNorm2d(4), new Activation("relu"),
            new Conv2d(4, 3, 2, stride: 2), new Activation("relu"), new Flatten(), new Linear(12, 5));
        foreach (var (name, value) in model.StateDict().Where(entry => entry.Value.DType == DType.F32))
            value.CopyFrom(Tensor.From<float>(Golden.GetProperty("state").GetProperty(name).Deserialize<float[]>()!, value.Shape));
        return model;
    }

    private static DataLoader Data() => new(new GoldenBatches(), new() { BatchSize = 1, Shuffle = false });

    /// <summary>The batches of the golden file, each as one example.</summary>
    private sealed class GoldenBatches : TrainingData
    {
        public override int Count => Golden.GetProperty("batches").GetArrayLength();

        public override TrainingBatch Load(ReadOnlySpan<int> examples, EpochSeed? augmentation)
        {
            var batch = Golden.GetProperty("batches")[examples[0]];
            var labels = batch.GetProperty("labels").Deserialize<long[]>()!;
            return new ImageBatch(Tensor.From<float>(batch.GetProperty("images").Deserialize<float[]>()!, [labels.Length, 2, 4, 4]),
                Tensor.From<long>(labels, [labels.Length]));
        }
    }
}
