#:project ../src/Coppice/Coppice.csproj
#:property PublishAot=false

// The second guide's job through the API: prune the query weights of a BERT classifier globally by 30 % on the live model,
// and report accuracy, F1 and sparsity before and after.
// Run: dotnet run samples/prune-bert.cs
using Coppice.Evaluation;
using Coppice.Models;
using Coppice.Pruning.Masks;

const string Model = "samples/models/bert-thucnews";
const string Data = "samples/data/thucnews/dev-1000.txt";

var model = PretrainedModel.Open(Model);
var task = ClassificationTask.Open(model, Data);
var queries = Enumerable.Range(0, 12).Select(i => model.Module.Find($"bert.encoder.layer.{i}.attention.self.query")).ToList();

Report("before");
Prune.GlobalUnstructured([.. queries.Select(query => (query, "weight"))], new L1Unstructured(0.3));
Report("masks in force");

foreach (var query in queries)
    Prune.Remove(query, "weight");
Report("made permanent");

void Report(string when)
{
    var report = task.Measure(task.Predict().Classes);
    var weights = queries.Select(query => query.Parameter("weight").Value.ToArray<float>()).ToList();
    var sparsity = weights.Sum(w => w.Count(x => x == 0)) / (double)weights.Sum(w => w.Length);
    Console.WriteLine($"{when,-15} accuracy {report.Accuracy:P2}  F1 {report.F1Macro:F4}  sparsity of the query weights {sparsity:P1}");
}
