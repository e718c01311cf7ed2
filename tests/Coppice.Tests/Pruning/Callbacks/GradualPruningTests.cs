using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;
using Coppice.Training;

namespace Coppice.Tests.Pruning.Callbacks;

public sealed class GradualPruningTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public static TheoryData<string> Criteria =>
        ["magnitude", "random", "taylor", "snip", "obd", "movement", "norm", "output-gradient", "taylor-channels", "obd-channels"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Criteria))]
    public void Run_AnyCriterion_IsAsSparseAsTheScheduleSaysAndNothingComesBack(string name)
    {
        var model = SmallNet.Create();
        var weights = Scope(model);
        var (criterion, schedule) = (Create(name), SparsitySchedule.Cubic(0.1, 0.8, 2, 9, 3));
        var units = weights.Sum(weight => criterion.Unit == PruningUnit.Entry ? weight.Count : weight.Outputs);
        var dead = new List<(Parameter, int)>();
        SmallNet.Trainer(model, 14, adam: name == "magnitude", callbacks:
        [
            new GradualPruning(criterion, schedule, weights) { Calibration = SmallNet.Data(), CalibrationBatches = 2 },
            new Act(after: trainer =>
            {
                var expected = (long)Math.Round(schedule.At(trainer.Step) * units, MidpointRounding.ToEven);
                Assert.Equal(expected, Masked(model, weights, criterion.Unit));
                Assert.All(dead, at => Assert.Equal(0, BitConverter.SingleToInt32Bits(at.Item1.Value.ToArray<float>()[at.Item2])));
                dead.Clear();
                foreach (var (_, parameter) in model.NamedParameters())
                    if (parameter.Mask?.ToArray<float>() is { } mask)
                        dead.AddRange(Enumerable.Range(0, mask.Length).Where(i => mask[i] == 0).Select(i => (parameter, i)));
            }),
        ]).Run();
        Assert.NotEmpty(dead);
    }

    [Fact]
    public void Run_PerTensor_PrunesEachWeightAlike()
    {
        var model = SmallNet.Create();
        var weights = Scope(model);
        var reports = new List<double>();
        SmallNet.Trainer(model, 4, callbacks:
            [new GradualPruning(new Magnitude(), SparsitySchedule.OneShot(0.5, 1), weights) { Scope = PruneScope.PerTensor }])
            .Run(report => reports.Add(report.Values["sparsity"]));
        Assert.Equal([27, 216], weights.Select(weight => SmallNet.Zeros(weight.Parameter)));
        Assert.Equal([0, 0.5, 0.5, 0.5], reports.Select(value => Math.Round(value, 2)));
    }

    [Theory]
    [InlineData("movement", 3)]
    [InlineData("movement", 7)]
    [InlineData("snip", 6)]
    [InlineData("output-gradient", 5)]
    public void Run_StoppedAndResumed_EndsWithTheSameBytes(string name, int stopAt)
    {
        var whole = SmallNet.Create();
        Trainer(whole, name).Run();

        var killed = SmallNet.Create();
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Trainer(killed, name,
            new Act(trainer => { if (trainer.Step == stopAt) cancellation.Cancel(); })).Run(cancellation: cancellation.Token));

        var resumed = SmallNet.Create(seed: 9);
        Trainer(resumed, name, new Act()).Run();
        Assert.Equal(SmallNet.State(whole), SmallNet.State(resumed));
    }

    [Fact]
    public void Started_WhatCannotWork_IsRefusedBeforeAnyStep()
    {
        var model = SmallNet.Create();
        var before = SmallNet.State(model);
        AssertRefused("ends before that", new(new Magnitude(), SparsitySchedule.OneShot(0.5, 4), Scope(model)));
        AssertRefused("Calibration", new(new Snip(), SparsitySchedule.OneShot(0.5, 1), Scope(model)));
        AssertRefused("Calibration", new(new ChannelNorm(1), SparsitySchedule.OneShot(0.5, 1), Scope(model)));
        AssertRefused("at step 0", new(new Movement(), SparsitySchedule.OneShot(0.5), Scope(model)));
        AssertRefused("0 batches", new(new Snip(), SparsitySchedule.OneShot(0.5, 1), Scope(model))
        {
            Calibration = SmallNet.Data(),
            CalibrationBatches = 0,
        });
        AssertRefused("'0.weight' is no weight", new(new Magnitude(), SparsitySchedule.OneShot(0.5, 1), Scope(SmallNet.Create())));
        var bias = LiveWeight.Select(model, include: ["0.bias"]);
        AssertRefused("'0.bias' of a Conv2d", new(new ChannelNorm(1), SparsitySchedule.OneShot(0.5, 1), bias) { Calibration = SmallNet.Data() });
        Assert.Equal(before, SmallNet.State(model));

        void AssertRefused(string why, GradualPruning pruning) => Assert.Contains(
            why, Assert.Throws<PruningException>(() => SmallNet.Trainer(model, 4, callbacks: [pruning]).Run()).Message, StringComparison.Ordinal);
    }

    private Trainer Trainer(Layer model, string criterion, params TrainingCallback[] others)
    {
        var schedule = SparsitySchedule.Linear(0, 0.6, 2, 8, 2);
        return SmallNet.Trainer(model, 10, _folder[others.Length == 0 ? "whole" : "state"], callbacks:
            [new GradualPruning(Create(criterion), schedule, Scope(model)) { Calibration = SmallNet.Data() }, .. others]);
    }

    private static IReadOnlyList<LiveWeight> Scope(Module model) => LiveWeight.Select(model, include: ["0.weight", "3.weight"]);

    private static long Masked(Module model, IReadOnlyList<LiveWeight> weights, PruningUnit unit) => unit == PruningUnit.Entry
        ? weights.Sum(weight => weight.Parameter.Mask?.ToArray<float>().Count(value => value == 0) ?? 0)
        : new[] { "1", "4" }.Sum(norm => SmallNet.Zeros(model.Find(norm).Parameter("weight")));

    private static Criterion Create(string name) => name switch
    {
        "magnitude" => new Magnitude(),
        "random" => new RandomScore(3),
        "taylor" => new FirstOrderTaylor(),
        "snip" => new Snip(),
        "obd" => new OptimalBrainDamage(),
        "movement" => new Movement(),
        "norm" => new ChannelNorm(2),
        "output-gradient" => new OutputGradient(),
        "taylor-channels" => new FirstOrderTaylor(PruningUnit.Channel),
        _ => new OptimalBrainDamage(PruningUnit.Channel),
    };
}
