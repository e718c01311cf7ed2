#:project ../src/Coppice/Coppice.csproj
#:property PublishAot=false

// A GPT-2 pruned at once to half of its block weights, then taught by itself as it was. Run: dotnet run samples/distil-gpt2.cs
using Coppice.Data;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;
using Coppice.Tokenizers;
using Coppice.Training;
using Coppice.Training.Distillation;

const string Folder = "samples/models/gpt2-student";
var tokenizer = Tokenizer.FromFolder(Folder);
var windows = TokenTrainingData.Pack(TextDocuments.Read("samples/data/tinyshakespeare-test.txt"), tokenizer, length: 64);
var (training, heldOut) = windows.HoldOut(40);
var data = new DataLoader(training, new() { BatchSize = 8, Seed = 1 });
var validation = new DataLoader(heldOut, new() { BatchSize = 20 });

Module teacher = PretrainedModel.Open(Folder).Module, student = PretrainedModel.Open(Folder).Module;
Console.WriteLine($"unpruned             perplexity {Measurement.Of(TrainingTask.Of(teacher), validation).Perplexity:F2}");

var blocks = LiveWeight.Select(student, include: ["transformer.h.*.c_*.weight"]);
var half = new GradualPruning(new Magnitude(), SparsitySchedule.OneShot(0.5), blocks) { Scope = PruneScope.PerTensor };
var distillation = new KnowledgeDistillation(TrainingTask.Of(teacher), new()
{
    Temperature = 2,
    Alpha = 0.8f,
    Transfers = [new HiddenStateTransfer("transformer.h.11", "transformer.h.11", Weight: 0.1f)],
});
var trainer = new Trainer(TrainingTask.Of(student), new AdamW(student, 5e-4, weightDecay: 0), data,
    new() { Steps = 20, Validation = validation, EvaluateEvery = 10, ClipNorm = 1 }, half, distillation);
trainer.Run(report =>
{
    if (report.Validation is { } measured)
        Console.WriteLine($"50 % pruned, step {report.Step,2}  perplexity {measured.Perplexity:F2}");
});
