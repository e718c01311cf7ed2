using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Modules;

public sealed class KvCacheTests
{
    [Fact]
    public void Append_AfterPastPositions_ReturnsAllOfThem()
    {
        var cache = new KvCache(layers: 2, capacity: 3);
        cache.Append(0, Tensor.From<float>([1, 2], [1, 1, 2, 1]), Tensor.From<float>([10, 20], [1, 1, 2, 1]));
        cache.Append(1, Tensor.From<float>([5, 6], [1, 1, 2, 1]), Tensor.From<float>([50, 60], [1, 1, 2, 1]));
        cache.Advance(2);
        var (keys, values) = cache.Append(0, Tensor.From<float>([3], [1, 1, 1, 1]), Tensor.From<float>([30], [1, 1, 1, 1]));
        Assert.Equal([1, 2, 3], keys.ToArray<float>());
        Assert.Equal([10, 20, 30], values.ToArray<float>());
        Assert.Equal(2, cache.Length);
    }

    [Fact]
    public void Append_ToAFullCache_IsRefused()
    {
        var cache = new KvCache(layers: 1, capacity: 2);
        var two = Tensor.Zeros([1, 1, 2, 4]);
        cache.Append(0, two, two);
        cache.Advance(2);
        var one = Tensor.Zeros([1, 1, 1, 4]);
        Assert.Contains("holds 2 positions", Assert.Throws<InvalidOperationException>(() => cache.Append(0, one, one)).Message,
            StringComparison.Ordinal);
    }
}
