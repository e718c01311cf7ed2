using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Coppice.Tests.Architecture;

/// <summary>Who may name whom: between projects, and between the namespaces of Coppice. A new one has to be entered here.</summary>
public sealed partial class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Projects = new()
    {
        ["Coppice.Tensors"] = [],
        ["Coppice"] = ["Coppice.Tensors"],
        ["Coppice.Cli"] = ["Coppice"],
    };

    /// <summary>What each namespace may name besides itself and Coppice.Tensors.</summary>
    private static readonly Dictionary<string, string[]> Namespaces = new()
    {
        ["Modules"] = [],
        ["Tokenizers"] = [],
        ["Checkpoints"] = [],
        ["Data"] = ["Checkpoints", "Tokenizers"], // of Checkpoints, the CRC-32 that zip and PNG have in common
        ["Models"] = ["Modules", "Checkpoints"],
        ["Graphs"] = ["Models", "Modules"],
        ["Onnx"] = ["Checkpoints", "Graphs", "Models", "Modules"],
        ["Generation"] = ["Models", "Modules", "Tokenizers"],
        ["Pruning"] = ["Checkpoints", "Data", "Graphs", "Models", "Modules", "Onnx", "Tokenizers", "Training"],
        ["Training"] = ["Checkpoints", "Data", "Models", "Modules"],
        ["Evaluation"] = ["Checkpoints", "Data", "Generation", "Graphs", "Models", "Modules", "Pruning", "Tokenizers"],
        ["Recipes"] = ["Checkpoints", "Data", "Evaluation", "Graphs", "Models", "Modules", "Onnx", "Pruning", "Tokenizers", "Training"],
    };

    [Fact]
    public void Projects_ReferToThoseBelow() => Assert.Equal(
        Projects.ToDictionary(project => project.Key, project => project.Value.ToHashSet()),
        ProjectFiles().ToDictionary(file => Path.GetFileNameWithoutExtension(file)!, file =>
            XDocument.Load(file).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value)).ToHashSet()));

    [Fact]
    public void UnsafeCode_IsInTensorsAlone() =>
        Assert.Equal(["Coppice.Tensors"],
            ProjectFiles().Where(file => XDocument.Load(file).Descendants("AllowUnsafeBlocks").Any(flag => flag.Value == "true"))
            .Select(Path.GetFileNameWithoutExtension));

    [Fact]
    public void Namespaces_OfCoppice_AreAllInTheTable() =>
        Assert.Equal(Namespaces.Keys.Order(), SourceFiles().Select(FolderOf).Distinct().Order());

    [Fact]
    public void Namespaces_OfCoppice_NameOnlyThoseAllowed() => Assert.Empty(
        from file in SourceFiles()
        let folder = FolderOf(file)
        from named in CoppiceName().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value).Distinct()
        where named != folder && named != "Tensors" && !Namespaces.GetValueOrDefault(folder, []).Contains(named)
        select $"{Path.GetRelativePath(Root, file)} names Coppice.{named}");

    [Fact]
    public void Files_OfAllProjects_HaveTheNamespaceOfTheirFolder() => Assert.Empty(
        from project in Projects.Keys
        from file in CodeIn(Path.Combine(Root, project))
        let space = Path.GetDirectoryName(Path.GetRelativePath(Root, file))!.Replace(Path.DirectorySeparatorChar, '.')
        where Path.GetFileName(file) != "Program.cs" && !File.ReadLines(file).Contains($"namespace {space};")
        select $"{Path.GetRelativePath(Root, file)} is not in {space}");

    private static string Root => TestData.InRepository("src");

    private static IEnumerable<string> ProjectFiles() => Directory.EnumerateFiles(Root, "*.csproj", SearchOption.AllDirectories);

    private static IEnumerable<string> SourceFiles() => CodeIn(Path.Combine(Root, "Coppice"));

    private static IEnumerable<string> CodeIn(string project) => Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories)
        .Where(file => !Path.GetRelativePath(project, file).Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"));

    private static string FolderOf(string file) =>
        Path.GetRelativePath(Path.Combine(Root, "Coppice"), file).Split(Path.DirectorySeparatorChar)[0];

    [GeneratedRegex(@"\bCoppice\.(\w+)")]
    private static partial Regex CoppiceName();
}
