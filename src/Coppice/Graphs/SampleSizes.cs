namespace Coppice.Graphs;

/// <summary>Sizes of a graph's symbols under which its shapes are looked at, to tell how they follow from the inputs' sizes.</summary>
/// <remarks>First each symbol at its sample; then each in turn at twice that, the others unchanged; at last all at three times.</remarks>
internal sealed class SampleSizes
{
    private readonly Dictionary<string, int>[] _sizes;

    /// <summary>Around one sample size of each symbol.</summary>
    public SampleSizes(IReadOnlyDictionary<string, int> samples)
    {
        Symbols = [.. samples.Keys];
        _sizes =
        [
            With(_ => 1),
            .. Symbols.Select(changed => With(symbol => symbol == changed ? 2 : 1)),
            With(_ => 3),
        ];

        Dictionary<string, int> With(Func<string, int> factor) =>
            samples.ToDictionary(sample => sample.Key, sample => checked(sample.Value * factor(sample.Key)));
    }

    public IReadOnlyList<string> Symbols { get; }

    public int Count => _sizes.Length;

    public IReadOnlyDictionary<string, int> this[int index] => _sizes[index];

    /// <summary>What differs from the first sizes, for messages.</summary>
    public string Change(int index) => Symbols.Count == 0
        ? "other values in the inputs"
        : string.Join(" and ", Symbols.Where(symbol => _sizes[index][symbol] != _sizes[0][symbol])
            .Select(symbol => $"{symbol} {_sizes[index][symbol]} instead of {_sizes[0][symbol]}"));
}
