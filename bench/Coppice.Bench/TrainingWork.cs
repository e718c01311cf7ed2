using System.Text.Json.Nodes;
using Coppice.Data;
using Coppice.Models;
using Coppice.Models.Bert;
using Coppice.Models.Gpt2;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tokenizers;
using Coppice.Training;

namespace Coppice.Bench;

/// <summary>One training step of a sample model: forward, cross-entropy, backward, AdamW.</summary>
/// <param name="Name">For the report.</param>
/// <param name="Options">The same work, described to PyTorch's side.</param>
/// <param name="Optimizer">Of all parameters.</param>
/// <param name="Loss">The forward pass.</param>
internal sealed record TrainingWork(string Name, JsonObject Options, Optimizer Optimizer, Func<Tensor> Loss)
{
    /// <summary>The models that can be trained.</summary>
    public static IReadOnlyDictionary<string, Func<TrainingWork>> All { get; } =
        new Dictionary<string, Func<TrainingWork>> { ["bert"] = Bert, ["gpt2"] = Gpt2 };

    /// <summary>One step; calls the actions after the forward pass, which gets the tape, and after the backward pass.</summary>
    public void Step(Action<Tape>? afterForward = null, Action? afterBackward = null)
    {
        using (var tape = new Tape())
        {
            var output = Loss();
            afterForward?.Invoke(tape);
            tape.Backward(output);
        }
        afterBackward?.Invoke();
        Optimizer.Step();
        Optimizer.ZeroGradients();
    }

    private static TrainingWork Gpt2()
    {
        const int batch = 16, steps = 128;
        var model = (Gpt2LMHeadModel)PretrainedModel.Open(Folder("gpt2-student")).Module;
        var config = model.Config;
        var random = new RandomSource(1);
        long[] values = [.. Enumerable.Range(0, batch * steps).Select(_ => random.NextUInt32() % config.VocabSize)];
        var ids = Tensor.From<long>(values, [batch, steps]);
        var options = new JsonObject
        {
            ["model"] = "gpt2", ["layers"] = config.Layers, ["width"] = config.Width, ["heads"] = config.Heads,
            ["vocabulary"] = config.VocabSize, ["positions"] = config.Positions, ["batch"] = batch, ["steps"] = steps,
        };
        return new($"GPT-2 student, {batch} x {steps} tokens", options, new AdamW(model, 1e-4), () => model.Forward(ids).CrossEntropy(ids));
    }

    private static TrainingWork Bert()
    {
        const int batch = 64, steps = 32;
        var folder = Folder("bert-thucnews");
        var model = (BertClassifier)PretrainedModel.Open(folder).Module;
        var config = model.Config;
        var file = Path.Combine(Report.Root, "samples", "data", "thucnews", "dev-1000.txt");
        var examples = LabeledText.Read(file).Examples.Take(batch).ToList();
        var tokenizer = Tokenizer.FromFolder(folder);
        int[][] rows = [.. examples.Select(example => tokenizer.Encode(example.Text, new EncodingOptions { MaxLength = steps }).Ids)];
        int[] lengths = Array.ConvertAll(rows, row => row.Length);
        long[] padded = [.. rows.SelectMany(row => row.Concat(new int[steps - row.Length])).Select(id => (long)id)];
        var ids = Tensor.From<long>(padded, [batch, steps]);
        var labels = Tensor.From<long>([.. examples.Select(example => (long)example.Label)], [batch]);
        var options = new JsonObject
        {
            ["model"] = "bert", ["layers"] = config.Layers, ["width"] = config.Width, ["heads"] = config.Heads, ["inner"] = config.Inner,
            ["vocabulary"] = config.VocabSize, ["positions"] = config.Positions, ["labels"] = model.Labels, ["steps"] = steps,
            ["rows"] = new JsonArray([.. rows.Select(row => new JsonArray([.. row.Select(id => (JsonNode)id)]))]),
        };
        return new($"BERT, {batch} headlines padded to {steps} tokens", options, new AdamW(model, 1e-4),
            () => model.Forward(ids, lengths).CrossEntropy(labels));
    }

    private static string Folder(string model) => Path.Combine(Report.Root, "samples", "models", model);
}
