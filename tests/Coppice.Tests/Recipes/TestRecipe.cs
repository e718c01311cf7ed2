using System.Text.Json.Nodes;
using Coppice.Recipes;

namespace Coppice.Tests.Recipes;

/// <summary>Recipes on a few committed samples, written to a folder of a test's own.</summary>
internal sealed class TestRecipe : IDisposable
{
    private static readonly string Samples = TestData.InRepository("samples");
    private readonly TempFolder _folder = new();

    public string Folder => _folder.Path;

    public string this[string name] => _folder[name];

    public static string Mnist(string train = "\"takeFirst\": 64, \"holdOut\": 20") => $$"""
        "model": {"path": "{{Samples}}/models/mnist/cnn.pt", "architecture": "mnist-cnn"},
        "data": {"train": "{{Samples}}/data/mnist/t10k-images-idx3-ubyte.gz", {{train}}}
        """;

    public static string LeNet(string train = "\"takeFirst\": 64, \"holdOut\": 20") => $$"""
        "model": {"architecture": "lenet", "classes": 10},
        "data": {"train": "{{Samples}}/data/mnist/t10k-images-idx3-ubyte.gz", {{train}}}
        """;

    public static string ResNetPath => $"{Samples}/models/cifar10-resnet/resnet20-12fca82f.th";

    /// <summary>Nine blocks, of which seven can go.</summary>
    public static string ResNet => $$"""
        "model": {"path": "{{ResNetPath}}", "architecture": "resnet20"},
        "data": {"train": "{{Samples}}/data/cifar10/test-500.bin", "takeFirst": 12, "holdOut": 8}
        """;

    public static string Onnx => $$"""
        "model": {"path": "{{Samples}}/models/onnx/mnist_cntk.onnx", "std": [0.003921569]},
        "data": {"train": "{{Samples}}/data/mnist/t10k-images-idx3-ubyte.gz", "takeFirst": 64, "holdOut": 20}
        """;

    public static string Bert => $$"""
        "model": {"path": "{{Samples}}/models/bert-thucnews"},
        "data": {"train": "{{Samples}}/data/thucnews/dev-1000.txt", "takeFirst": 16, "holdOut": 12, "maxLength": 12}
        """;

    public static string Gpt2 => $$"""
        "model": {"path": "{{Samples}}/models/gpt2-student"},
        "data": {"train": "{{Samples}}/data/tinyshakespeare-test.txt", "takeFirst": 6, "holdOut": 4, "window": 16}
        """;

    /// <summary>Five layers, four key heads with two query heads each.</summary>
    public static string Stories => $$"""
        "model": {"path": "{{Samples}}/models/stories260K"},
        "data": {"train": "{{Samples}}/data/tinyshakespeare-test.txt", "takeFirst": 12, "holdOut": 4, "window": 64}
        """;

    public static void AssertSame(RunLock one, RunLock other)
    {
        Assert.Equal(one.Outputs, other.Outputs);
        Assert.Equal(one.Reports, other.Reports);
    }

    /// <summary>A recipe of these members.</summary>
    public string Write(string members, string stages) =>
        _folder.Write("recipe.json", System.Text.Encoding.UTF8.GetBytes($"{{{members}, \"stages\": [{stages}]}}"));

    public RecipeFile Read(string members, string stages) => RecipeFile.Read(Write(members, stages));

    /// <summary>The error that a recipe gives before any work.</summary>
    public string Error(string members, string stages) =>
        Assert.Throws<RecipeException>(() => RecipeRun.Prepare(Read(members, stages), this["out"])).Message;

    public RunLock Run(string members, string stages, string output = "out") =>
        RecipeRun.Prepare(Read(members, stages), this[output]).Run(cancellation: TestContext.Current.CancellationToken);

    /// <summary>A run that is killed at the end of each stage, and goes on.</summary>
    public RunLock RunKilled(string members, string stages, string output)
    {
        var file = Read(members, stages);
        for (var stage = 0; stage < file.Recipe.Stages.Count - 1; stage++)
            Assert.Throws<InvalidOperationException>(() => RecipeRun.Prepare(file, this[output]).Run(progress =>
            {
                if (progress.Stage == stage && progress.Done is { Stage: not null })
                    throw new InvalidOperationException("killed");
            }, TestContext.Current.CancellationToken));
        return RecipeRun.Prepare(file, this[output]).Run(cancellation: TestContext.Current.CancellationToken);
    }

    public JsonNode[] Metrics(string output = "out") =>
        [.. File.ReadLines(Path.Combine(this[output], "metrics.jsonl")).Select(line => JsonNode.Parse(line)!)];

    public void Dispose() => _folder.Dispose();
}
