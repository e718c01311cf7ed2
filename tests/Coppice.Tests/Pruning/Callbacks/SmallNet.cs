using Coppice.Data;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Tests.Pruning.Callbacks;

/// <summary>A network of two convolutions with batch normalisation, and images it can tell apart, small enough to train in no
/// time.</summary>
internal static class SmallNet
{
    private const int Side = 8;
    private const int Classes = 3;

    public static Sequential Create(int seed = 1)
    {
        var model = new Sequential(
            new Conv2d(1, 6, 3, padding: 1), new BatchNorm2d(6), new Activation("relu"),
            new Conv2d(6, 8, 3, stride: 2, padding: 1, bias: false), new BatchNorm2d(8), new Activation("relu"),
            new Flatten(), new Linear(8 * Side * Side / 4, Classes));
        Fill(model, seed);
        return model;
    }

    /// <summary>Random matrices and filters; scales of batch normalisations from 0.5 to 1.5.</summary>
    public static void Fill(Module model, int seed)
    {
        var random = new RandomSource(seed);
        foreach (var (name, parameter) in model.NamedParameters())
            foreach (ref var value in parameter.Data.AsSpan<float>())
                value = parameter.Shape.Rank > 1 ? (random.NextSingle() - 0.5f) * 0.5f
                    : name.EndsWith("weight", StringComparison.Ordinal) ? 0.5f + random.NextSingle() : 0;
    }

    public static TrainingTask Task(Layer model) => new(model, batch => model.Forward(((ImageBatch)batch).Images));

    public static DataLoader Data(int batch = 12)
    {
        var random = new RandomSource(7);
        var pixels = new byte[48 * Side * Side];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(random.NextUInt32() % 120 + i / (Side * Side) % Classes * 60);
        var images = new ImageData(pixels, [.. Enumerable.Range(0, 48).Select(i => i % Classes)], ["a", "b", "c"], 1, Side, Side);
        return new(new ImageTrainingData(images, [0.5f], [0.25f]), new() { BatchSize = batch, Seed = 3, Prefetch = 0 });
    }

    /// <summary>A run of some steps; with a file of its state it can be resumed.</summary>
    public static Trainer Trainer(Layer model, long steps, string? stateFile = null, bool adam = false, params TrainingCallback[] callbacks) => new(
        Task(model), adam ? new AdamW(model, 0.01, 0.1) : new Sgd(model, 0.02, 0.01) { Momentum = 0.9 }, Data(),
        new() { Steps = steps, StateFile = stateFile, SaveEvery = 1000, ReportEvery = 1 }, callbacks);

    public static int Zeros(Parameter parameter) => parameter.Value.ToArray<float>().Count(value => BitConverter.SingleToInt32Bits(value) == 0);

    /// <summary>The bytes of all state, in its order.</summary>
    public static string State(Module model) => string.Join('\n', model.StateDict().Select(entry =>
        entry.Key + " " + Convert.ToHexString(entry.Value.Bytes(0, (int)(entry.Value.Count * entry.Value.DType.ByteSize())))));
}

/// <summary>Does something before or after each step.</summary>
internal sealed class Act(Action<Trainer>? before = null, Action<Trainer>? withGradients = null, Action<Trainer>? after = null) : TrainingCallback
{
    public override void StepStarting(Trainer trainer) => before?.Invoke(trainer);

    public override void GradientsReady(Trainer trainer) => withGradients?.Invoke(trainer);

    public override void StepDone(Trainer trainer) => after?.Invoke(trainer);
}
