using System.Text.Json;
using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

/// <summary>Texts and the ids other implementations give them; the sample tokenizers, opened once.</summary>
internal static class GoldenTexts
{
    private static readonly Lazy<Tokenizer> LazyGpt2 = new(() => Open("gpt2-student"));
    private static readonly Lazy<Tokenizer> LazyBert = new(() => Open("bert-thucnews"));
    private static readonly Lazy<Tokenizer> LazyLlama = new(() => Open("stories260K"));

    public static Tokenizer Gpt2 => LazyGpt2.Value;

    public static Tokenizer Bert => LazyBert.Value;

    public static Tokenizer Llama => LazyLlama.Value;

    public static List<(string Text, int[] Ids)> Read(params string[] path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(TestData.InRepository(["tests", "Golden", .. path])));
        return
        [
            .. document.RootElement.EnumerateArray().Select(e => (
                e.GetProperty("text").GetString()!,
                e.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray())),
        ];
    }

    /// <summary>Random strings of all kinds of code points, some of them halves of surrogate pairs.</summary>
    public static IEnumerable<string> RandomTexts(int seed, int count, bool loneSurrogates = false)
    {
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
            yield return string.Concat(Enumerable.Range(0, random.Next(0, 40)).Select(_ => Next()));

        string Next() => random.Next(6) switch
        {
            0 => " ",
            1 => ((char)random.Next(0, 128)).ToString(),
            2 => ((char)random.Next(0, 0x500)).ToString(),
            3 => ((char)random.Next(0x500, 0xD800)).ToString(),
            4 when loneSurrogates => ((char)random.Next(0xD800, 0xE000)).ToString(),
            4 => ((char)random.Next(0xE000, 0x10000)).ToString(),
            _ => char.ConvertFromUtf32(random.Next(0x10000, 0x110000)),
        };
    }

    private static Tokenizer Open(string model) => Tokenizer.FromFolder(TestData.InRepository("samples", "models", model));
}
