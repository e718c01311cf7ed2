using System.Text;
using System.Text.RegularExpressions;

namespace Coppice.Bench;

/// <summary>Markdown tables that go to the console as they grow, and to bench/results/&lt;cpu&gt;/&lt;name&gt;.md at the end.</summary>
internal sealed partial class Report
{
    private readonly string _name;
    private readonly StringBuilder _text = new();

    public Report(string name)
    {
        _name = name;
        Line($"# {name}: {CpuName}, {Environment.ProcessorCount} processors, .NET {Environment.Version}");
    }

    private static string CpuName { get; } = File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("model name", StringComparison.Ordinal)).Split(':')[1].Trim()
        : System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>The repository: the nearest folder above the program that holds Coppice.slnx.</summary>
    public static string Root { get; } = FindRoot();

    public void Line(string text)
    {
        Console.WriteLine(text);
        _text.AppendLine(text);
    }

    /// <summary>Starts a table.</summary>
    public void Header(params string[] columns)
    {
        Line("");
        Row(columns);
        Row(Array.ConvertAll(columns, _ => "---"));
    }

    public void Row(params string[] cells) => Line($"| {string.Join(" | ", cells)} |");

    /// <summary>Writes the file and returns its path.</summary>
    public string Save()
    {
        var results = Path.Combine(Root, "bench", "results", NotInNames().Replace(CpuName, "-").Trim('-').ToLowerInvariant());
        Directory.CreateDirectory(results);
        var file = Path.Combine(results, _name + ".md");
        File.WriteAllText(file, _text.ToString());
        return file;
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Coppice.slnx")))
            folder = folder.Parent ?? throw new InvalidOperationException("Coppice.slnx was not found above the benchmark.");
        return folder.FullName;
    }

    [GeneratedRegex("[^A-Za-z0-9]+")]
    private static partial Regex NotInNames();
}
