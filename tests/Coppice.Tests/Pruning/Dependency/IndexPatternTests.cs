using Coppice.Pruning.Dependency;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class IndexPatternTests
{
    [Theory]
    [InlineData(new[] { 0, 1, 2, 3, 4, 5 }, "6")]
    [InlineData(new[] { 1, 3, 5 }, "3")]
    [InlineData(new[] { 0, 2, 4, 1, 3, 5 }, "2 x 3")]
    [InlineData(new[] { 0, 3, 1, 4, 2, 5 }, "3 x 2")]
    [InlineData(new[] { 2, 3 }, "2")]
    public void TakenFrom_IndicesOfWholeFactors_IsMadeOfThem(int[] indices, string term) =>
        Assert.Equal(term, IndexPattern.Find(indices)!.TakenFrom(new Dim(6), "test")!.Term.ToString());

    [Theory]
    [InlineData(new[] { 0, 0, 1, 1 })]
    [InlineData(new[] { 3, 2, 1 })]
    [InlineData(new[] { 0, 1, 3 })]
    public void Find_IndicesWithoutPattern_IsNull(int[] indices) => Assert.Null(IndexPattern.Find(indices));

    [Fact]
    public void TakenFrom_IndicesAcrossFactors_IsNull()
    {
        Assert.Null(IndexPattern.Find([0, 4])!.TakenFrom(new Dim(6), "test"));
        Assert.Null(IndexPattern.Find([1, 2, 5, 6])!.TakenFrom(new Dim(6), "test"));
    }

    [Fact]
    public void TakenFrom_EverySecondIndex_TiesThePairs()
    {
        var axis = new Dim(6);
        var taken = (Dim)IndexPattern.Find([0, 2, 4])!.TakenFrom(axis, "test")!.Term;
        Assert.Equal([0, 0, 1, 1, 2, 2], axis.Resolve().OwnersIn(taken));
    }
}
