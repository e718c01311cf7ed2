using Coppice.Data;

namespace Coppice.Recipes;

/// <summary>The data of a run, read.</summary>
internal sealed record RecipeData(TrainingData? Train, TrainingData? Validation, TrainingData? Test, IReadOnlyList<string> Files)
{
    // Large enough to be fast, small enough for any model that can be trained.
    private const int EvaluationBatch = 64;

    /// <summary>Reads all files, once each, and checks that they fit the model.</summary>
    /// <exception cref="RecipeException">A file is missing, malformed, or of another kind than the model's.</exception>
    public static RecipeData Read(RecipeFile file, RecipeModel model)
    {
        var source = file.Recipe.Data;
        var (train, validation, test) = (Part(source.Train, "train"), Part(source.Validation, "validation"), Part(source.Test, "test"));
        if (source.HoldOut is { } part)
            (train, validation) = part < 1 ? train!.HoldOutFraction(part) : train!.HoldOut((int)part);
        if (source.TakeFirst is { } count)
            train = train?.Take(count);
        return new(train, validation, test ?? validation,
            [.. new[] { source.Train, source.Validation, source.Test }.OfType<string>().Select(file.Resolve).Distinct().SelectMany(FilesOf)]);

        TrainingData? Part(string? path, string key) => path is null ? null : ReadPart(file, model, path, key);
    }

    /// <summary>The data of a part, for measuring.</summary>
    public TrainingData? Of(EvaluationData part) => part switch
    {
        EvaluationData.Train => Train,
        EvaluationData.Validation => Validation,
        _ => Test,
    };

    /// <summary>Batches to measure on.</summary>
    public static DataLoader Loader(TrainingData data) => new(data, new() { BatchSize = EvaluationBatch, Shuffle = false });

    /// <summary>What is said of a path where nothing is.</summary>
    public static string Missing(RecipeFile file, string path) => $"there is no file or folder {path}."
        + (file.IsData(path)
            ? $" Set the environment variable {RecipeFile.DataVariable} to the folder of models and data, or give another path."
            : " Paths are relative to the recipe's file.");

    private static TrainingData ReadPart(RecipeFile file, RecipeModel model, string path, string key)
    {
        var full = file.Resolve(path);
        if (!Path.Exists(full))
            throw new RecipeException(file.Path, $"data.{key}", Missing(file, full));
        try
        {
            return model.Read(full, file.Recipe.Data, key == "train");
        }
        catch (Exception error) when (error is InvalidDataException or ArgumentException or FileNotFoundException)
        {
            throw new RecipeException(file.Path, $"data.{key}", error.Message, error);
        }
    }

    private static IEnumerable<string> FilesOf(string path) => Directory.Exists(path)
        ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        : path.Contains("images-idx3-ubyte", StringComparison.Ordinal)
            ? [path, path.Replace("images-idx3-ubyte", "labels-idx1-ubyte", StringComparison.Ordinal)]
            : [path];
}
