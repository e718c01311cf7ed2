using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Training;

namespace Coppice.Tests.Golden;

/// <summary>Tiny models trained here and by PyTorch: logits, loss, every gradient, ten steps with each optimizer.</summary>
public sealed class TrainingTests
{
    private const float LogitTolerance = 2e-5f;
    private const float GradientTolerance = 2e-5f;

    public static TheoryData<string> Models => ["gpt2", "bert", "llama"];

    public static TheoryData<string, string> Runs => new(
        from model in new[] { "gpt2", "bert", "llama" } from optimizer in new[] { "adamw", "adam", "sgd", "sgd-plain" } select (model, optimizer));

    [Theory]
    [MemberData(nameof(Models))]
    public void Backward_OfATinyModel_GivesPyTorchsLossAndGradients(string name)
    {
        var task = new TrainingTask(name);
        using (var tape = new Tape { DetectsNonFinite = true })
        {
            var logits = task.Logits();
            GoldenFiles.AssertClose(task.Floats("logits"), logits.ToArray<float>(), LogitTolerance);
            var loss = task.Loss(logits);
            Assert.Equal(task.Expected.GetProperty("loss").GetDouble(), loss.Item<float>(), 1e-5);
            tape.Backward(loss);
        }
        using var golden = Checkpoint.Open(GoldenFiles.PathOf("training", Path.Combine(name, "gradients.pt")));
        Assert.Equal(golden.Tensors.Count, task.Model.NamedParameters().Count());
        foreach (var (parameterName, parameter) in task.Model.NamedParameters())
        {
            Assert.True(parameter.Gradient is not null, parameterName);
            GoldenFiles.AssertClose(
                golden[parameterName].ToSingle().ToArray<float>(), parameter.Gradient.ToArray<float>(), GradientTolerance);
        }
        var norm = new Sgd(task.Model, 1).ClipGradientNorm(1);
        Assert.Equal(task.Expected.GetProperty("norm").GetDouble(), norm, 1e-5 * norm);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Step_TenTimes_GivesPyTorchsLosses(string name, string optimizer)
    {
        var task = new TrainingTask(name);
        var expected = task.Expected.GetProperty("steps").GetProperty(optimizer).EnumerateArray().Select(loss => loss.GetDouble());
        var steps = Create(optimizer, task.Model);
        foreach (var (loss, step) in expected.Select((loss, step) => (loss, step)))
        {
            var actual = task.Step(steps);
            Assert.True(Math.Abs(loss - actual) <= 2e-4, $"step {step}: loss {actual} instead of {loss}");
        }
    }

    private static Optimizer Create(string name, Module model) => name switch
    {
        "adamw" => new AdamW(model, 1e-2, weightDecay: 0.1),
        "adam" => new Adam(model, 1e-2, weightDecay: 0.01) { Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-6 },
        "sgd" => new Sgd(model, 0.05, weightDecay: 0.01) { Momentum = 0.9, Nesterov = true },
        _ => new Sgd(model, 0.1),
    };

    /// <summary>A model of tests/Golden/training with its batch and its loss.</summary>
    private sealed class TrainingTask
    {
        private readonly Tensor _ids;
        private readonly PretrainedModel _pretrained;

        public TrainingTask(string name)
        {
            _pretrained = PretrainedModel.Open(Path.GetDirectoryName(GoldenFiles.PathOf("training", Path.Combine(name, "config.json")))!);
            Expected = GoldenFiles.Json("training", Path.Combine(name, "expected.json"));
            _ids = Longs("ids", Expected.GetProperty("rows").GetInt32(), -1);
        }

        public JsonElement Expected { get; }

        public Module Model => _pretrained.Module;

        public float[] Floats(string name) => Expected.GetProperty(name).Deserialize<float[]>()!;

        public Tensor Logits() => Model is ICausalLanguageModel
            ? _pretrained.CausalLanguageModel.Forward(_ids)
            : _pretrained.TextClassifier.Forward(_ids, GoldenFiles.Numbers(Expected.GetProperty("lengths")));

        public Tensor Loss(Tensor logits) => Model is ICausalLanguageModel
            ? logits.CrossEntropy(Longs("targets", _ids.Shape[0], _ids.Shape[1]), labelSmoothing: 0.1f)
            : logits.CrossEntropy(Longs("labels", -1)).Add(logits.KlDivergence(Tensor.From<float>(Floats("teacher"), logits.Shape), 2));

        public float Step(Optimizer optimizer)
        {
            float loss;
            using (var tape = new Tape())
            {
                var output = Loss(Logits());
                loss = output.Item<float>();
                tape.Backward(output);
            }
            optimizer.ClipGradientNorm(1);
            optimizer.Step();
            optimizer.ZeroGradients();
            return loss;
        }

        private Tensor Longs(string name, params int[] shape)
        {
            var values = Expected.GetProperty(name).Deserialize<long[]>()!;
            return Tensor.From<long>(values, [values.Length]).Reshape(shape);
        }
    }
}
