using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

public sealed class EmbeddingTests
{
    private static readonly Tensor Table = Tensor.From<float>([0, 1, 10, 11, 20, 21], [3, 2]);

    [Fact]
    public void Forward_Ids_TakesRows()
    {
        var y = Table.Embedding(Tensor.From<long>([2, 0, 1, 2], [2, 2]));
        Assert.Equal<Shape>([2, 2, 2], y.Shape);
        Assert.Equal([20, 21, 0, 1, 10, 11, 20, 21], y.ToArray<float>());
    }

    [Fact]
    public void Forward_NoIds_IsEmpty() => Assert.Equal<Shape>([0, 2], Table.Embedding(Tensor.Empty([0], DType.I64)).Shape);

    [Fact]
    public void Forward_StridedIds_TakesRows()
    {
        var ids = Tensor.From<long>([0, 1, 2, 0], [2, 2]).Transpose(0, 1);
        Assert.Equal([0, 1, 20, 21, 10, 11, 0, 1], Table.Embedding(ids).ToArray<float>());
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    public void Forward_IdOutOfRange_NamesIdPositionAndSize(long id)
    {
        var error = Assert.Throws<OpException>(() => Table.Embedding(Tensor.From<long>([0, id], [2])));
        Assert.StartsWith($"Embedding: id {id} at position 1 is not in 0..2, the table's 3 entries", error.Message);
    }

    [Fact]
    public void Infer_FloatIds_AreRefused() =>
        Assert.Contains("Embedding(F32 [2], F32 [3, 2])", Assert.Throws<OpException>(() => Table.Embedding(Tensor.Zeros([2]))).Message);
}
