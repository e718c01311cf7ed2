#:project ../src/Coppice/Coppice.csproj
#:property PublishAot=false

// The third guide's job through the API: a SimpleCNN of one's own, pruned by five methods, each with recovery.
// Few images, so that it runs in seconds; recipes/ holds the real runs. Run: dotnet run samples/five-methods.cs
using Coppice.Data;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Training;
using Coppice.Training.Distillation;

const long Steps = 60;
var images = ImageData.Read("samples/data/cifar10/test-500.bin");
var resnet = VisionModels.Find("resnet20")!; // for the usual mean and deviation
var (training, heldOut) = new ImageTrainingData(images, resnet.Mean, resnet.Std, new ImageAugmentation()).HoldOut(100);
var data = new DataLoader(training, new() { BatchSize = 50, Seed = 1 });
var validation = new DataLoader(heldOut, new() { BatchSize = 100 });

Run("trained", new SimpleCnn(), 2 * Steps, _ => []);
Run("1 native: L1 at once", Trained(), Steps, model => [Gradual(model, new Magnitude(), SparsitySchedule.OneShot(0.8))]);
Run("2 network slimming", Trained(), Steps, _ => [new NetworkSlimming(1e-3, share: 0.5, pruneAt: Steps / 2, data)]);
Run("3 gradient-sensitive", Trained(), Steps, model => [Gradual(model, new FirstOrderTaylor(), SparsitySchedule.OneShot(0.8))]);
Run("4 gradual", Trained(), Steps, model => [Gradual(model, new Magnitude(), SparsitySchedule.Cubic(0, 0.8, 0, Steps / 2, 5))]);
Run("5 gradual, distilled", Trained(), Steps, model =>
[
    Gradual(model, new Magnitude(), SparsitySchedule.Cubic(0, 0.8, 0, Steps / 2, 5)),
    new KnowledgeDistillation(TrainingTask.Of(Trained()), new() { Temperature = 4, Alpha = 0.7f }),
]);

GradualPruning Gradual(Module model, Criterion criterion, SparsitySchedule schedule) =>
    new(criterion, schedule, LiveWeight.Select(model, include: ["conv*.weight", "fc*.weight"])) { Calibration = data };

SimpleCnn Trained()
{
    var model = new SimpleCnn();
    new Trainer(TrainingTask.Of(model), Optimizer(model), data, new() { Steps = 2 * Steps }).Run();
    return model;
}

// The guide's per-layer rates: the features learn more slowly than the classifier.
Sgd Optimizer(Module model) => new(model, 0.02, 5e-4, [new("conv*", LearningRate: 0.01)]) { Momentum = 0.9 };

void Run(string name, SimpleCnn model, long steps, Func<Module, TrainingCallback[]> callbacks)
{
    var options = new TrainerOptions { Steps = steps, Validation = validation, Schedule = step => LearningRateSchedule.CosineAnnealing(step, steps) };
    var measured = new Trainer(TrainingTask.Of(model), Optimizer(model), data, options, callbacks(model)).Run()!;
    var weights = model.NamedParameters().Where(entry => entry.Parameter.Shape.Rank > 1).Select(entry => entry.Parameter.Value.ToArray<float>()).ToList();
    var zeros = weights.Sum(values => values.Count(value => value == 0)) / (double)weights.Sum(values => values.Length);
    Console.WriteLine($"{name,-22} accuracy {measured.Accuracy,6:P1}  loss {measured.Loss:F3}  zeros {zeros,6:P1}");
}

internal sealed class SimpleCnn : ImageClassifier
{
    private readonly Layer[] _layers;

    public SimpleCnn()
    {
        _layers = [Register("conv1", new Conv2d(3, 16, 3, padding: 1)), Register("bn1", new BatchNorm2d(16)), new Activation("relu"), new MaxPool2d(2),
            Register("conv2", new Conv2d(16, 32, 3, padding: 1)), Register("bn2", new BatchNorm2d(32)), new Activation("relu"), new MaxPool2d(4),
            new Flatten(), Register("fc", new Linear(32 * 4 * 4, 10))];
        Initialization.KaimingUniform(this, new RandomSource(1));
    }

    public override int Labels => 10;

    protected override Tensor Compute(Tensor input) => _layers.Aggregate(input, (x, layer) => layer.Forward(x));
}
