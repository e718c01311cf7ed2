using Coppice.Data;

namespace Coppice.Tests.Training.Distillation;

/// <summary>A loader of given batches, in order. Trainers dispose batches, so each is made when it is asked for.</summary>
internal static class FewBatches
{
    public static DataLoader Of(params IReadOnlyList<Func<TrainingBatch>> batches) =>
        new(new Given(batches), new() { BatchSize = 1, Shuffle = false, Prefetch = 0 });

    private sealed class Given(IReadOnlyList<Func<TrainingBatch>> batches) : TrainingData
    {
        public override int Count => batches.Count;

        public override TrainingBatch Load(ReadOnlySpan<int> examples, EpochSeed? augmentation) => batches[examples[0]]();
    }
}
