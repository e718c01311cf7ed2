#:project ../src/Coppice/Coppice.csproj
#:property PublishAot=false

// A BERT classifier pruned gradually to half of its encoder weights while it is fine-tuned, with lower rates below than above,
// and saved as a folder that opens like the one it came from. Run: dotnet run samples/finetune-bert.cs
using Coppice.Data;
using Coppice.Models;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;
using Coppice.Tokenizers;
using Coppice.Training;

const string Folder = "samples/models/bert-thucnews";
const long Steps = 12;

var model = PretrainedModel.Open(Folder);
var headlines = LabeledText.Read("samples/data/thucnews/dev-1000.txt");
var texts = new TextTrainingData(headlines.Encode(Tokenizer.FromFolder(Folder), maxLength: 32), [.. headlines.Examples.Select(example => example.Label)]);
var (training, heldOut) = texts.HoldOut(300);
var data = new DataLoader(training, new() { BatchSize = 32, Seed = 1 });
var validation = new DataLoader(heldOut, new() { BatchSize = 100 });
var task = TrainingTask.Of(model.Module);
Console.WriteLine($"before  accuracy {Measurement.Of(task, validation).Accuracy:P1}");

var encoder = LiveWeight.Select(model.Module, include: ["bert.encoder.*.weight"], exclude: ["*LayerNorm*"]);
var pruning = new GradualPruning(new Magnitude(), SparsitySchedule.Cubic(0, 0.5, begin: 0, end: 8), encoder);
var optimizer = new AdamW(model.Module, 3e-4, groups: [new("bert.embeddings.*", LearningRate: 0), new("bert.encoder.layer.?.*", LearningRate: 1e-4)]);
var options = new TrainerOptions
{
    Steps = Steps, ClipNorm = 1, Validation = validation, ReportEvery = 4,
    Schedule = step => LearningRateSchedule.LinearWarmup(step, 3) * LearningRateSchedule.CosineAnnealing(step, Steps),
};
var after = new Trainer(task, optimizer, data, options, pruning).Run(report =>
    Console.WriteLine($"step {report.Step,2}  loss {report.Loss:F3}  sparsity {report.Values["sparsity"]:P1}"))!;
Console.WriteLine($"after   accuracy {after.Accuracy:P1} with {EntryPruning.Sparsity(encoder):P1} of the encoder's weights pruned");

foreach (var (_, parameter) in model.Module.NamedParameters().ToList())
    parameter.MakeMaskPermanent();
var output = Path.Combine(Path.GetTempPath(), $"bert-pruned-{Environment.ProcessId}");
model.Save(output);
Console.WriteLine($"saved   accuracy {Measurement.Of(TrainingTask.Of(PretrainedModel.Open(output).Module), validation).Accuracy:P1} when opened again");
Directory.Delete(output, recursive: true);
