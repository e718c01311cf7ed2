#:project ../src/Coppice/Coppice.csproj
#:property PublishAot=false

// Structural pruning through the API: a ResNet to half of its multiply-accumulates, and a quarter of GPT-2's heads.
// Run: dotnet run samples/prune-structure.cs
using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Pruning.Dependency;

var overwrite = new SaveOptions { Overwrite = true };

var resnet = PretrainedVisionModel.Open("samples/models/cifar10-resnet/resnet20-12fca82f.th", "resnet20");
var traced = TracedModel.Of(resnet);
resnet.Record(Prune(traced, new GroupPruning { TargetMacs = 0.5, Scope = GroupScope.Global }));
var file = Path.Combine(Path.GetTempPath(), "coppice-sample-resnet20.th");
resnet.Save(file, overwrite);
Report("ResNet-20", traced, TracedModel.Of(PretrainedVisionModel.Open(file, "resnet20")));

var gpt2 = PretrainedModel.Open("samples/models/gpt2-student");
traced = TracedModel.Of(gpt2);
gpt2.Record(Prune(traced, new GroupPruning { Ratio = 0.25, Kinds = [GroupKind.Head] }));
var folder = Path.Combine(Path.GetTempPath(), "coppice-sample-gpt2-heads");
gpt2.Save(folder, overwrite);
Report("GPT-2", traced, TracedModel.Of(PretrainedModel.Open(folder)));

static Coppice.Modules.StructuralPlan Prune(TracedModel model, GroupPruning options)
{
    var dependencies = DependencyGraph.Of(model.Graph);
    var removal = options.Choose(dependencies, new GroupImportance(new GroupMagnitude()));
    var plan = removal.ToPlan(model.Kind);
    var (_, verification) = PruningSurgeon.Apply(dependencies, removal, model.RandomInputs(seed: 0), model.Forward);
    Console.WriteLine($"verified: largest difference {verification.LargestDifference:G2}");
    return plan;
}

static void Report(string name, TracedModel before, TracedModel after)
{
    var (first, second) = (ModelCost.Of(before.Graph), ModelCost.Of(after.Graph));
    Console.WriteLine($"{name}: {first.Parameters:N0} -> {second.Parameters:N0} parameters, {first.Macs:N0} -> {second.Macs:N0} multiply-accumulates");
}
