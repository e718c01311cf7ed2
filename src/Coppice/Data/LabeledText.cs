using System.Globalization;
using Coppice.Tokenizers;

namespace Coppice.Data;

/// <summary>A text and the number of its class, 0 up to the class count.</summary>
public sealed record LabeledExample(string Text, int Label);

/// <summary>A text classification data set, read from a file with one <c>text TAB label</c> a line.</summary>
/// <remarks>
/// The format of THUCNews as used by 649453932/Chinese-Text-Classification-Pytorch: UTF-8, with the class names in <c>class.txt</c>
/// beside the file, one a line, or without names. A label is a class number, or a class name where there are names.
/// A byte order mark, CRLF line ends and blank lines are accepted.
/// </remarks>
public sealed class LabeledText
{
    /// <summary>The file beside the data that names the classes.</summary>
    public const string ClassFileName = "class.txt";

    /// <summary>Class numbers end below this, so that a stray number in the label column can't ask for a huge confusion matrix.</summary>
    public const int MaxClasses = 4096;

    private LabeledText(IReadOnlyList<LabeledExample> examples, IReadOnlyList<string> classNames)
    {
        Examples = examples;
        ClassNames = classNames;
    }

    /// <summary>The examples in file order; at least one.</summary>
    public IReadOnlyList<LabeledExample> Examples { get; }

    /// <summary>A name per class: from class.txt, else the class numbers 0 up to the largest label.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Number of classes.</summary>
    public int ClassCount => ClassNames.Count;

    /// <summary>Reads a data set, and the class names beside it where there are any.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file holds no example, or a line is malformed; the message names both.</exception>
    public static LabeledText Read(string path)
    {
        var classFile = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, ClassFileName);
        var names = File.Exists(classFile) ? ReadClassNames(classFile) : null;
        var numbers = names?.Index().ToDictionary(named => named.Item, named => named.Index);
        var examples = new List<LabeledExample>();
        foreach (var (place, line) in Lines(path))
            examples.Add(ParseLine(line, numbers, place));
        if (examples.Count == 0)
            throw new InvalidDataException($"'{path}' holds no example; each line must be text, a tab and a label.");
        return new LabeledText(examples, names ?? [.. Enumerable.Range(0, examples.Max(e => e.Label) + 1).Select(Number)]);
    }

    /// <summary>Token ids of each example's text, without padding.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="maxLength">The most ids of an example, special tokens included; texts are cut at their end.</param>
    public int[][] Encode(Tokenizer tokenizer, int maxLength)
    {
        var options = new EncodingOptions { MaxLength = maxLength };
        var encodings = new int[Examples.Count][];
        Parallel.For(0, encodings.Length, i => encodings[i] = tokenizer.Encode(Examples[i].Text, options).Ids);
        return encodings;
    }

    private static LabeledExample ParseLine(string line, Dictionary<string, int>? numbers, string place)
    {
        var tab = line.IndexOf('\t');
        if (tab < 0 || line.IndexOf('\t', tab + 1) >= 0)
            throw new InvalidDataException($"{place}: {line.Count(c => c == '\t')} tabs; a line must be text, one tab and a label.");
        if (string.IsNullOrWhiteSpace(line[..tab]))
            throw new InvalidDataException($"{place}: there is no text before the tab; remove the line or add its text.");
        return new LabeledExample(line[..tab], ParseLabel(line[(tab + 1)..].Trim(), numbers, place));
    }

    private static int ParseLabel(string label, Dictionary<string, int>? numbers, string place)
    {
        if (numbers is not null && numbers.TryGetValue(label, out var named))
            return named;
        var end = numbers?.Count ?? MaxClasses;
        if (int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < end)
            return number;
        throw new InvalidDataException(numbers is null
            ? $"{place}: the label '{label}' is no class number (0 to {end - 1}); if it is a name, put {ClassFileName} beside the file."
            : $"{place}: the label '{label}' is neither a class number from 0 to {end - 1} nor a name in {ClassFileName}.");
    }

    private static List<string> ReadClassNames(string classFile)
    {
        var names = new List<string>();
        var seen = new HashSet<string>();
        foreach (var (place, line) in Lines(classFile))
        {
            var name = line.Trim();
            if (!seen.Add(name))
                throw new InvalidDataException($"{place}: the class '{name}' is listed twice; remove one.");
            // A label '1' would mean two classes if the class named '1' were not number 1.
            if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number != names.Count)
                throw new InvalidDataException($"{place}: the class name '{name}' is another class's number; use a name that is none.");
            if (names.Count == MaxClasses)
                throw new InvalidDataException($"{place}: there are more than {MaxClasses} classes.");
            names.Add(name);
        }
        return names.Count > 0 ? names : throw new InvalidDataException($"'{classFile}' names no class; fill or remove it.");
    }

    private static IEnumerable<(string Place, string Line)> Lines(string path)
    {
        var rest = Utf8File.Read(path);
        for (var number = 1; !rest.IsEmpty; number++)
        {
            var length = rest.Span.IndexOf((byte)'\n');
            var bytes = length < 0 ? rest : rest[..length];
            rest = length < 0 ? default : rest[(length + 1)..];
            var place = $"'{path}', line {number}";
            var line = Utf8File.Decode(bytes.Span, place).TrimEnd('\r');
            if (!string.IsNullOrWhiteSpace(line))
                yield return (place, line);
        }
    }

    private static string Number(int label) => label.ToString(CultureInfo.InvariantCulture);
}
