using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coppice.Recipes;

/// <summary>What a run was made of and what came out: enough to repeat it and to see that it gave the same.</summary>
/// <param name="Version">Version of this format.</param>
/// <param name="Coppice">Version of Coppice.</param>
/// <param name="Machine">Where it ran.</param>
/// <param name="Recipe">The recipe's file, from the lock file's folder.</param>
/// <param name="RecipeHash">SHA-256 of that file.</param>
/// <param name="Settings">Variables that the run was told to set otherwise.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Inputs">SHA-256 of each file that was read.</param>
/// <param name="Outputs">SHA-256 of each file that was written, but the metrics, which hold speeds.</param>
/// <param name="Reports">What was measured at the start and after each stage.</param>
public sealed record RunLock(
    int Version,
    string Coppice,
    RunMachine Machine,
    string Recipe,
    string RecipeHash,
    IReadOnlyDictionary<string, string> Settings,
    int Seed,
    IReadOnlyDictionary<string, string> Inputs,
    IReadOnlyDictionary<string, string> Outputs,
    IReadOnlyList<StageReport> Reports)
{
    /// <summary>The version this code writes and reads.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Reads a lock file.</summary>
    /// <exception cref="RecipeException">The file is missing, or no lock file of this version.</exception>
    public static RunLock Read(string path)
    {
        if (!File.Exists(path))
            throw new RecipeException(path, "", "there is no such file; give the lock.json of a run.");
        try
        {
            var read = JsonSerializer.Deserialize(File.ReadAllBytes(path), RunJson.Default.RunLock);
            return read?.Version == CurrentVersion
                ? read
                : throw new RecipeException(path, "version", $"expected {CurrentVersion}, found {read?.Version}; run the recipe anew.");
        }
        catch (JsonException error)
        {
            throw new RecipeException(path, "", $"this is no lock file: {error.Message}", error);
        }
    }

    /// <summary>The lock as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, RunJson.Default.RunLock);
}

/// <summary>What a machine computes with.</summary>
/// <param name="DotNet">Version of .NET.</param>
/// <param name="Architecture">Processor architecture.</param>
/// <param name="Vectors">Widest vectors used, in bits; other widths may give other last digits.</param>
public sealed record RunMachine(string DotNet, string Architecture, int Vectors)
{
    /// <summary>This one.</summary>
    public static RunMachine Current { get; } = new(Environment.Version.ToString(), RuntimeInformation.ProcessArchitecture.ToString(),
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true,
    WriteIndented = true)]
[JsonSerializable(typeof(RunLock))]
[JsonSerializable(typeof(RunPosition))]
internal sealed partial class RunJson : JsonSerializerContext;
