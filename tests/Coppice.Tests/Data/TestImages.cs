using Coppice.Data;

namespace Coppice.Tests.Data;

/// <summary>Seven small images, all different, and what batches of them hold.</summary>
internal static class TestImages
{
    public static readonly ImageData Data = new(
        [.. Enumerable.Range(0, 7 * 2 * 3 * 3).Select(i => (byte)(i % 251))], [0, 1, 2, 0, 1, 2, 0], ["a", "b", "c"], 2, 3, 3);

    public static ImageTrainingData ForTraining(ImageAugmentation? augmentation = null) =>
        new(Data, [0.5f, 0.25f], [0.5f, 2], augmentation);

    /// <summary>Pixels and classes of some batches, which are disposed.</summary>
    public static (float[] Pixels, long[] Targets)[] Contents(this IEnumerable<TrainingBatch> batches) => [.. batches.Select(batch =>
    {
        using var images = (ImageBatch)batch;
        return (images.Images.ToArray<float>(), images.Targets.ToArray<long>());
    })];

    /// <summary>The pixels of all images, one after the other.</summary>
    public static float[][] Images(this IEnumerable<TrainingBatch> batches) =>
        [.. batches.Contents().SelectMany(batch => batch.Pixels.Chunk(2 * 3 * 3))];
}
