using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;
using Coppice.Training;

namespace Coppice.Tests.Pruning.Callbacks;

public sealed class MovementTests
{
    [Fact]
    public void Run_ThreeSteps_PrunesWhereWeightsTimesGradientsSumHighest()
    {
        var model = SmallNet.Create();
        var weight = LiveWeight.Select(model, include: ["3.weight"]);
        var parameter = weight[0].Parameter;
        var sums = new double[parameter.Data.Count];
        SmallNet.Trainer(model, 4, callbacks:
        [
            new GradualPruning(new Movement(), SparsitySchedule.OneShot(0.25, 3), weight),
            new Act(withGradients: trainer =>
            {
                if (trainer.Step < 3)
                    for (var i = 0; i < sums.Length; i++)
                        sums[i] -= (double)parameter.Data.ToArray<float>()[i] * parameter.Gradient!.ToArray<float>()[i];
            }),
        ]).Run();
        var mask = parameter.Mask!.ToArray<float>();
        var order = Enumerable.Range(0, sums.Length).OrderBy(i => sums[i]).ToList();
        Assert.Equal(108, mask.Count(value => value == 0));
        Assert.All(order[..107], i => Assert.Equal(0, mask[i]));
        Assert.True(sums[order[107]] < 0, "scores have a sign");
    }

    [Fact]
    public void Run_NewNetwork_LearnsWhileItIsPruned()
    {
        var model = SmallNet.Create();
        var weights = LiveWeight.Select(model, include: ["*weight"], exclude: ["1.*", "4.*"]);
        SmallNet.Trainer(model, 60, callbacks: [new GradualPruning(new Movement(), SparsitySchedule.Cubic(0, 0.7, 10, 40, 5), weights)]).Run();
        var measured = Measurement.Of(SmallNet.Task(model), SmallNet.Data());
        Assert.Equal(0.7, EntryPruning.Sparsity(weights), 1e-3);
        Assert.True(measured.Accuracy > 0.9, $"accuracy {measured.Accuracy}");
    }
}
