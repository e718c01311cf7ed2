namespace Coppice.Tokenizers;

/// <summary>A place in a <see cref="Template"/>: a special token or, where that is null, one of the two texts.</summary>
internal sealed record TemplatePiece(int? Special, bool Second, int TypeId);

/// <summary>How texts and special tokens are put together.</summary>
internal sealed record Template(IReadOnlyList<TemplatePiece> Single, IReadOnlyList<TemplatePiece> Pair)
{
    private static readonly TemplatePiece First = new(null, Second: false, TypeId: 0);

    /// <summary>Text alone; a pair is one text after the other.</summary>
    public static Template Plain { get; } = new([First], [First, new(null, Second: true, TypeId: 1)]);

    /// <summary><c>[CLS] A [SEP]</c> and <c>[CLS] A [SEP] B [SEP]</c> (Devlin et al. 2018).</summary>
    public static Template Bert(int cls, int sep) => new(
        [new(cls, false, 0), First, new(sep, false, 0)],
        [new(cls, false, 0), First, new(sep, false, 0), new(null, true, 1), new(sep, false, 1)]);

    /// <summary><c>&lt;s&gt; A &lt;/s&gt;</c> and <c>&lt;s&gt; A &lt;/s&gt;&lt;/s&gt; B &lt;/s&gt;</c> (Liu et al. 2019).</summary>
    public static Template Roberta(int cls, int sep) => new(
        [new(cls, false, 0), First, new(sep, false, 0)],
        [new(cls, false, 0), First, new(sep, false, 0), new(sep, false, 0), new(null, true, 0), new(sep, false, 0)]);

    /// <summary><c>bos A</c> and <c>bos A B</c>.</summary>
    public static Template Prefixed(int bos) => new([new(bos, false, 0), .. Plain.Single], [new(bos, false, 0), .. Plain.Pair]);

    /// <summary>Cuts the texts to <paramref name="maxLength"/> less the special tokens, then joins everything.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The special tokens alone are longer than that.</exception>
    public (List<int> Ids, List<int> TypeIds) Join(List<int> first, List<int>? second, int? maxLength)
    {
        var pieces = second is null ? Single : Pair;
        if (maxLength is { } limit)
            Cut(first, second, limit, limit - pieces.Count(p => p.Special is not null));
        var ids = new List<int>();
        var types = new List<int>();
        foreach (var piece in pieces)
        {
            if (piece.Special is { } special)
                ids.Add(special);
            else
                ids.AddRange(piece.Second ? second! : first);
            types.AddRange(Enumerable.Repeat(piece.TypeId, ids.Count - types.Count));
        }
        return (ids, types);
    }

    private static void Cut(List<int> first, List<int>? second, int maxLength, int room)
    {
        if (room < 0)
            throw new ArgumentOutOfRangeException(
                nameof(maxLength), maxLength, $"The special tokens alone take {maxLength - room} ids. Allow at least that many.");
        var one = first.Count;
        var two = second?.Count ?? 0;
        while (one + two > room)
            if (one > two)
                one--;
            else
                two--;
        first.RemoveRange(one, first.Count - one);
        second?.RemoveRange(two, second.Count - two);
    }
}
