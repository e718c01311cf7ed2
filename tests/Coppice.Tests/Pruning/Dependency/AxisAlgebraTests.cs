using Coppice.Pruning;
using Coppice.Pruning.Dependency;

namespace Coppice.Tests.Pruning.Dependency;

/// <summary>Terms are written as <c>(a2 | b2) x c16</c>: a leaf is a letter, the same for the same leaf, and its size.</summary>
public sealed class AxisAlgebraTests
{
    private readonly Dictionary<string, Dim> _leaves = [];

    [Theory]
    [InlineData("a64", "b64", "a64 = a64")]
    [InlineData("a64", "b4 x c16", "a4 x b16 = a4 x b16")]
    [InlineData("a64", "b32 | c32", "a32 | b32 = a32 | b32")]
    [InlineData("a4 x b16", "c2 x d32", "a2 x b2 x c16 = a2 x b2 x c16")]
    [InlineData("a4 x b4 x c4", "d16 x e4", "a4 x b4 x c4 = a4 x b4 x c4")]
    [InlineData("a2 x b18", "c6 x d6", "a2 x b3 x c6 = a2 x b3 x c6")]
    [InlineData("a32 | b32", "c16 | d48", "a16 | b16 | c32 = a16 | b16 | c32")]
    [InlineData("a32 | b32", "c4 x d16", "a2 x b16 | c2 x b16 = (a2 | c2) x b16")]
    [InlineData("a4 x b16", "c16 | d16 | e32", "(a1 | b1 | c2) x d16 = d16 | d16 | c2 x d16")]
    [InlineData("a32 | a32", "b16 | c48", "a16 | b16 | a16 | b16 = a16 | b16 | a16 | b16")]
    [InlineData("a8 | a8", "b2 x c8", "a8 | a8 = (b1 | c1) x a8")]
    [InlineData("(a2 | b2) x c16", "d4 x e4 x f4", "(a2 | b2) x c4 x d4 = (a2 | b2) x c4 x d4")]
    [InlineData("a4 x (b8 | c8)", "d64", "a4 x (b8 | c8) = a4 x (b8 | c8)")]
    [InlineData("a4 x (b8 | c8)", "d2 x e32", "a2 x b2 x (c8 | d8) = a2 x b2 x (c8 | d8)")]
    [InlineData("a4 x (b8 | c8)", "d4 x (e4 | f12)", "a4 x (b4 | c4 | d8) = a4 x (b4 | c4 | d8)")]
    [InlineData("a4 x (b8 | c8)", "d8 x e8", "a4 x (b8 | b8) = a4 x (c1 | d1) x b8")]
    [InlineData("a4 x b2 | c8", "d8 | e2 x f4", "a4 x b2 | c2 x d4 = a4 x b2 | c2 x d4")]
    [InlineData("a2 x b32", "c16 | d48", "(a1 | b1) x (c16 | d16) = c16 | d16 | c16 | d16")]
    public void Equate_TermsWithACommonRefinement_FindsIt(string left, string right, string expected)
    {
        var (one, other) = (Parse(left), Parse(right));
        AxisAlgebra.Equate(one, other, "an op");
        Assert.Equal(expected, Named(" = ", one, other));
        Assert.All(one.Resolve().Leaves().Where(leaf => leaf.Size > 1), leaf => Assert.Null(leaf.Pinned));
    }

    [Theory]
    [InlineData("a2 x b3", "c3 x d2")]
    [InlineData("a4 x b9", "c6 x d6")]
    [InlineData("(a1 | b2) x c8", "d2 x e12")]
    [InlineData("a4 x b2 | c8", "d3 | e13")]
    public void Equate_TermsWithout_PinsBothWithTheReasonAndNothingElse(string left, string right)
    {
        var (one, other, apart) = (Parse(left), Parse(right), Parse("x5 x y7"));
        var whole = Parse(left[..left.IndexOf(' ', StringComparison.Ordinal)].Trim('(') + " x z3");
        AxisAlgebra.Equate(one, other, "Narrow (%7)");
        Assert.All(one.Resolve().Leaves().Concat(other.Resolve().Leaves()), leaf =>
        {
            Assert.StartsWith("Narrow (%7): ", leaf.Pinned, StringComparison.Ordinal);
            Assert.Contains(" and ", leaf.Pinned, StringComparison.Ordinal);
        });
        Assert.All(apart.Resolve().Leaves(), leaf => Assert.Null(leaf.Pinned));
        Assert.Null(_leaves["z3"].Pinned);
        Assert.All(whole.Resolve().Leaves().Except([_leaves["z3"]]), leaf => Assert.NotNull(leaf.Pinned));
    }

    [Fact]
    public void Equate_DifferentSizes_NamesTheOp()
    {
        var error = Assert.Throws<PruningException>(() => AxisAlgebra.Equate(new Dim(3), new Dim(4), "Add (%5)"));
        Assert.Equal("Add (%5): axes of 3 and 4 can't be one.", error.Message);
    }

    [Fact]
    public void Equate_APinnedOrNormalizedLeaf_PassesThatOn()
    {
        var (whole, parts, pinned) = (Parse("a64"), Parse("b4 x c16"), Parse("d4"));
        AxisAlgebra.Normalize(whole, "LayerNorm");
        AxisAlgebra.Pin(pinned, "output");
        AxisAlgebra.Equate(whole, parts, "an op");
        AxisAlgebra.Equate(pinned, _leaves["b4"], "an op");
        Assert.Equal(["output", null], whole.Resolve().Leaves().Select(leaf => leaf.Pinned));
        Assert.Equal(["LayerNorm", "LayerNorm"], whole.Resolve().Leaves().Select(leaf => leaf.Normalized));
    }

    [Theory]
    [InlineData("a64", "16 48", "a16, b48")]
    [InlineData("a64", "0 16 48 0", "a0, b16, c48, d0")]
    [InlineData("a4 x b16", "32 32", "a2 x b16, c2 x b16")]
    [InlineData("a8 | b8", "4 8 4", "a4, b4 | c4, d4")]
    [InlineData("a8 | a8", "4 12", "a4, b4 | a4 | b4")]
    [InlineData("a2 x b3 | c6", "3 9", "a3, a3 | b6")]
    public void Cut_BetweenBlocks_GivesTheParts(string whole, string sizes, string expected) =>
        Assert.Equal(expected, Named(", ", [.. AxisAlgebra.Cut(Parse(whole), Numbers(sizes), "an op")]));

    [Theory]
    [InlineData("a4 x b16", "24 40")]
    [InlineData("a29 x b2", "29 29")]
    [InlineData("a4 | b2 x c3", "5 5")]
    public void Cut_ThroughABlock_PinsTheAxisAndItsParts(string whole, string sizes)
    {
        var term = Parse(whole);
        var parts = AxisAlgebra.Cut(term, Numbers(sizes), "Narrow (%7)");
        Assert.Equal(Numbers(sizes), parts.Select(part => part.Size));
        var reason = $"can't be cut into {string.Join(" | ", Numbers(sizes))} without cutting through a block";
        Assert.All(parts.Append(term.Resolve()).SelectMany(part => part.Leaves()),
            leaf => Assert.EndsWith(reason, leaf.Pinned, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a3 x b2", "3 3", "a1 x (b1 | c1) | d1, d1 | e1 x (b1 | c1)")] // a ShuffleNet's shuffle: half of an odd number of blocks
    [InlineData("a3 x b4", "6 6", "a1 x (b2 | c2) | d1 x b2, d1 x c2 | e1 x (b2 | c2)")]
    [InlineData("a4 | b2 x c3", "5 5", "a4 | b1, b1 x c2 | d1 x (e1 | c2)")]
    [InlineData("a4 x b2", "4 4", "a2 x b2, c2 x b2")]
    public void Cut_ThroughABlockThatMayBeTakenApart_GivesUnits(string whole, string sizes, string expected)
    {
        var parts = AxisAlgebra.Cut(Parse(whole), Numbers(sizes), "an op", takeApart: true);
        Assert.Equal(expected, Named(", ", [.. parts]));
        Assert.All(parts.SelectMany(part => part.Leaves()), leaf => Assert.Null(leaf.Pinned));
    }

    [Fact]
    public void Equate_UnitsWithUnits_PairsThem()
    {
        var halves = AxisAlgebra.Cut(Parse("a3 x b4"), [6, 6], "an op", takeApart: true);
        var others = AxisAlgebra.Cut(Parse("c3 x d4"), [6, 6], "an op", takeApart: true);
        AxisAlgebra.Equate(halves[0], others[0], "an op");
        Assert.Equal("a1 x (b2 | c2) | d1 x b2; a1 x (b2 | c2) | d1 x b2", Named("; ", halves[0], others[0]));
        Assert.All(halves[0].Resolve().Leaves(), leaf => Assert.Null(leaf.Pinned));
    }

    [Fact]
    public void Equate_AUnitWithAWholeBlock_PinsTheUnit()
    {
        var halves = AxisAlgebra.Cut(Parse("a3 x b4"), [6, 6], "an op", takeApart: true);
        AxisAlgebra.Equate(halves[0], Parse("c2 x d3"), "an op");
        Assert.All(halves[0].Resolve().Leaves().Where(leaf => leaf.Whole is not null), leaf => Assert.NotNull(leaf.Pinned));
    }

    [Theory]
    [InlineData("a64", "4 16", "a4, b16")]
    [InlineData("a64", "1 64 1", "a1, b64, c1")]
    [InlineData("a32 | b32", "4 16", "a2 | b2, c16")]
    [InlineData("a4 x b16", "8 8", "a4 x b2, c8")]
    [InlineData("a4 x b16", "2 2 16", "a2, b2, c16")]
    [InlineData("a16 | b16", "2 16", "a1 | b1, c16")]
    public void Factor_AtBlocks_GivesTheFactors(string whole, string sizes, string expected) =>
        Assert.Equal(expected, Named(", ", [.. AxisAlgebra.Factor(Parse(whole), Numbers(sizes), "an op")]));

    [Fact]
    public void Factor_ThroughABlock_PinsTheAxisAndTheFactors()
    {
        var term = Parse("a3 x b4");
        var factors = AxisAlgebra.Factor(term, [2, 6], "Reshape (%7)");
        Assert.All(factors.Append(term.Resolve()).SelectMany(part => part.Leaves()),
            leaf => Assert.StartsWith("Reshape (%7): ", leaf.Pinned, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a8", "2 3 4", "a3", "b2 | a3 | c3")]
    [InlineData("a8", "4 5 6 7 0 1 2 3", "a4 | b4", "b4 | a4")]
    [InlineData("a8", "0 1 0 1", "a2 | a2", "a2 | b6")]
    [InlineData("a3", "2 0 1", "a1 | b2", "b2 | a1")]
    [InlineData("a4 x b2", "4 5 6 7 0 1", "a2 x b2 | b2", "(c1 | d1 | a2) x b2")]
    public void Gather_Runs_StayTogether(string whole, string indices, string expected, string expectedWhole)
    {
        var term = Parse(whole);
        var taken = AxisAlgebra.Gather(term, Numbers(indices), "an op");
        Assert.Equal($"{expected}; {expectedWhole}", Named("; ", taken, term));
    }

    [Fact]
    public void Gather_InsideABlock_PinsTheAxis()
    {
        var term = Parse("a4 x b3");
        AxisAlgebra.Gather(term, [1, 4], "an op");
        Assert.All(term.Resolve().Leaves(), leaf => Assert.NotNull(leaf.Pinned));
    }

    [Fact]
    public void Kept_IndicesOfNestedLeaves_AreThoseThatNoRemovedOneIsPartOf()
    {
        var term = Parse("(a1 | b2) x c2 | d1").Resolve();
        Assert.Equal([true, false, false, false, true, false, true],
            term.Kept(leaf => leaf == _leaves["b2"] ? [false, true] : leaf == _leaves["c2"] ? [true, false] : null));
        Assert.Equal([-1, -1, 0, 0, 1, 1, -1], term.OwnersIn(_leaves["b2"]));
    }

    private static int[] Numbers(string text) => [.. text.Split(' ').Select(int.Parse)];

    private Term Parse(string text)
    {
        var position = 0;
        return Alternatives();

        Term Alternatives()
        {
            List<Term> parts = [Factors()];
            while (Takes(" | "))
                parts.Add(Factors());
            return Sum.Of(parts);
        }

        Term Factors()
        {
            List<Term> factors = [Leaf()];
            while (Takes(" x "))
                factors.Add(Leaf());
            return Product.Of(factors);
        }

        Term Leaf()
        {
            if (Takes("("))
            {
                var inner = Alternatives();
                Assert.True(Takes(")"));
                return inner;
            }
            var end = position + 1;
            while (end < text.Length && char.IsAsciiDigit(text[end]))
                end++;
            var name = text[position..end];
            position = end;
            if (!_leaves.TryGetValue(name, out var leaf))
                _leaves.Add(name, leaf = new(int.Parse(name[1..])));
            return leaf;
        }

        bool Takes(string token)
        {
            var isNext = text.AsSpan(position).StartsWith(token);
            position += isNext ? token.Length : 0;
            return isNext;
        }
    }

    /// <summary>Leaves are lettered in the order in which they come.</summary>
    private static string Named(string between, params Term[] terms)
    {
        var letters = new Dictionary<Dim, char>();
        return string.Join(between, terms.Select(term => Text(term.Resolve())));

        string Text(Term term) => term switch
        {
            Product product => string.Join(" x ", product.Factors.Select(factor => factor is Sum ? $"({Text(factor)})" : Text(factor))),
            Sum sum => string.Join(" | ", sum.Parts.Select(Text)),
            _ => $"{Letter((Dim)term)}{term.Size}",
        };

        char Letter(Dim leaf)
        {
            if (!letters.TryGetValue(leaf, out var letter))
                letters.Add(leaf, letter = (char)('a' + letters.Count));
            return letter;
        }
    }
}
