using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Models.Vision;
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

    public static TheoryData<string> Models => ["gpt2", "bert", "llama", "resnet"];

    public static TheoryData<string, string> Runs => new(
        from model in new[] { "gpt2", "bert", "llama", "resnet" } from optimizer in new[] { "adamw", "adam", "sgd", "sgd-plain" } select (model, optimizer));

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
        private readonly Func<Tensor> _logits;
        private readonly Func<Tensor, Tensor> _loss;

        public TrainingTask(string name)
        {
            var folder = Path.GetDirectoryName(GoldenFiles.PathOf("training", Path.Combine(name, "expected.json")))!;
            Expected = GoldenFiles.Json("training", Path.Combine(name, "expected.json"));
            var rows = Expected.GetProperty("rows").GetInt32();
            if (name == "resnet")
            {
                var (classifier, images) = (ResNet(folder), Tensor.From<float>(Floats("images"), [rows, 3, 8, 8]));
                Model = classifier;
                _logits = () => classifier.Forward(images);
                _loss = logits => logits.CrossEntropy(Longs("labels", -1), labelSmoothing: 0.1f);
                return;
            }
            var (pretrained, ids) = (PretrainedModel.Open(folder), Longs("ids", rows, -1));
            Model = pretrained.Module;
            (_logits, _loss) = Model is ICausalLanguageModel
                ? (() => pretrained.CausalLanguageModel.Forward(ids),
                    logits => logits.CrossEntropy(Longs("targets", ids.Shape[0], ids.Shape[1]), labelSmoothing: 0.1f))
                : ((Func<Tensor>, Func<Tensor, Tensor>))(
                    () => pretrained.TextClassifier.Forward(ids, GoldenFiles.Numbers(Expected.GetProperty("lengths"))),
                    logits => logits.CrossEntropy(Longs("labels", -1))
                        .Add(logits.KlDivergence(Tensor.From<float>(Floats("teacher"), logits.Shape), 2)));
        }

        public JsonElement Expected { get; }

        public Module Model { get; }

        public float[] Floats(string name) => Expected.GetProperty(name).Deserialize<float[]>()!;

        public Tensor Logits() => _logits();

        public Tensor Loss(Tensor logits) => _loss(logits);

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

        /// <summary>Normalises by the batch, as in training; the file has no running statistics.</summary>
        private static CifarResNet ResNet(string folder)
        {
            var model = new CifarResNet(1, 4);
            using var weights = Checkpoint.Open(Path.Combine(folder, "pytorch_model.bin"));
            foreach (var (name, parameter) in model.NamedParameters())
                weights[name].ToSingle().AsReadOnlySpan<float>().CopyTo(parameter.Value.AsSpan<float>());
            model.Train();
            return model;
        }

        private Tensor Longs(string name, params int[] shape)
        {
            var values = Expected.GetProperty(name).Deserialize<long[]>()!;
            return Tensor.From<long>(values, [values.Length]).Reshape(shape);
        }
    }
}
