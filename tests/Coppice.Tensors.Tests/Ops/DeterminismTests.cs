using Coppice.Tensors.Tests.Kernels;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
[Collection(nameof(WorkersTests))]
public sealed class DeterminismTests
{
    [Fact]
    public void Forward_OneAndTwoThreads_GiveTheSameBytes()
    {
        var (x, row) = (Numbers.Random([300, 500]), Numbers.Random([500], 2));
        var (q, k) = (Numbers.Random([2, 4, 70, 32], 3), Numbers.Random([2, 2, 200, 32], 4));
        Func<Tensor>[] computations =
        [
            () => x.Add(row), () => x.Gelu(), () => x.Softmax(), () => x.LogSoftmax(), () => x.LayerNorm(row, row), () => x.Sum(),
            () => x.Cast(DType.BF16), () => x.ArgMax(), () => q.Attention(k, k, causal: true), () => q.Narrow(2, 0, 1).Attention(k, k),
            () => x.RmsNorm(row), () => q.RotaryEmbedding(Tensor.Arange(0, 70), Numbers.Random([16], 5)),
        ];
        foreach (var computation in computations)
            Assert.Equal(Threads.On(1, () => BytesOf(computation())), Threads.On(2, () => BytesOf(computation())));
    }

    private static unsafe byte[] BytesOf(Tensor y)
    {
        var bytes = new Span<byte>(y.Storage.Pointer, (int)y.Storage.ByteLength).ToArray();
        GC.KeepAlive(y);
        return bytes;
    }
}
