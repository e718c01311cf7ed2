using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;

namespace Coppice.Tests.Pruning.Callbacks;

public sealed class LotteryTicketTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Rewind_AfterPruning_RestoresTheWeightsOfThatStepUnderTheMask(int rewindTo)
    {
        var model = SmallNet.Create();
        var weight = LiveWeight.Select(model, include: ["3.weight"])[0].Parameter;
        var ticket = new LotteryTicket(rewindTo);
        (float[] Weight, float[] Mean) then = ([], []);
        SmallNet.Trainer(model, 8, callbacks:
        [
            ticket, Pruning(model, ticket),
            new Act(before: trainer =>
            {
                var mean = model.Find("4").Buffers["running_mean"].ToArray<float>();
                if (trainer.Step == rewindTo)
                    then = (weight.Data.ToArray<float>(), mean);
                if (trainer.Step is 4 or 6)
                {
                    Assert.Equal(then.Weight, weight.Data.ToArray<float>());
                    Assert.Equal(then.Mean, mean);
                    Assert.Equal(trainer.Step == 4 ? 108 : 216, SmallNet.Zeros(weight));
                    Assert.DoesNotContain(trainer.Optimizer.State(), entry => entry.Name.EndsWith("/first", StringComparison.Ordinal));
                }
            }),
        ]).Run();
        Assert.NotEqual(then.Weight, weight.Data.ToArray<float>());
    }

    [Fact]
    public void Run_StoppedAndResumed_EndsWithTheSameBytes()
    {
        var whole = SmallNet.Create();
        Run(whole, "whole", null);
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Run(SmallNet.Create(), "state", cancellation));
        var resumed = SmallNet.Create(seed: 9);
        Run(resumed, "state", null);
        Assert.Equal(SmallNet.State(whole), SmallNet.State(resumed));
    }

    [Fact]
    public void Rewind_BeforeItsStep_SaysWhatToDo()
    {
        var model = SmallNet.Create();
        var ticket = new LotteryTicket(5);
        var trainer = SmallNet.Trainer(model, 8, callbacks: [ticket, Pruning(model, ticket)]);
        Assert.Contains("step 5", Assert.Throws<PruningException>(() => trainer.Run()).Message, StringComparison.Ordinal);
    }

    private void Run(Coppice.Modules.Layer model, string file, CancellationTokenSource? stop)
    {
        var (ticket, at) = (new LotteryTicket(1), new Act(trainer => { if (trainer.Step == 3) stop?.Cancel(); }));
        SmallNet.Trainer(model, 8, _folder[file], callbacks:
            [ticket, Pruning(model, ticket), at]).Run(cancellation: stop?.Token ?? default);
    }

    private static GradualPruning Pruning(Coppice.Modules.Module model, LotteryTicket ticket) =>
        new(new Magnitude(), SparsitySchedule.Iterative(0.5, 2, 4, 2), LiveWeight.Select(model, include: ["3.weight"])) { Pruned = ticket.Rewind };
}
