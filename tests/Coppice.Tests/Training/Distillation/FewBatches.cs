using Coppice.Data;

namespace Coppice.Tests.Training.Distillation;

/// <summary>Batches given out in order.</summary>
internal sealed class FewBatches(params IReadOnlyList<TrainingBatch> batches) : DataLoader
{
    public override int BatchesPerEpoch => batches.Count;

    public override IEnumerable<TrainingBatch> Batches(int epoch, int first = 0) => batches.Skip(first);
}
