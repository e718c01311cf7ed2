#:project ../src/Coppice/Coppice.csproj
#:property PublishAot=false

// The first guide's job through the API: prune a GPT-2 folder by L1, save it as the same kind of folder, compare before and after.
// Run: dotnet run samples/prune-gpt2.cs
using Coppice.Checkpoints;
using Coppice.Generation;
using Coppice.Pruning;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;

const string Model = "samples/models/gpt2-student";
var output = Path.Combine(Path.GetTempPath(), "coppice-sample-gpt2");

using (var checkpoint = Checkpoint.Open(Model))
{
    var selection = WeightSelector.Select(checkpoint.Tensors, ModelFacts.Of(checkpoint));
    Console.WriteLine($"in scope: {selection.Weights.Count} weights, {selection.Share:P1} of the parameters");
    var result = Pruner.Prune(selection, new PruneRequest(new MagnitudePruning(), PruneAmount.Fraction(0.3)) { Scope = PruneScope.Global });
    checkpoint.Save(output, result.Tensors.OfType<MaskedTensor>(), new SaveOptions { Overwrite = true });
    Console.WriteLine($"sparsity: {result.ScopeSparsity:P1} in scope, {result.ModelSparsity:P1} of the model");
}

foreach (var folder in new[] { Model, output })
{
    var text = TextGenerator.Open(folder).Generate("In the morning she", new GenerationOptions { MaxNewTokens = 25 });
    Console.WriteLine($"{folder}:\n  {text.Prompt}{text.Text.ReplaceLineEndings(" ")}");
}
