using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Tests;

public sealed class InterruptionTests
{
    [Fact]
    public void Ops_OfACancelledThread_ThrowUntilItEnds()
    {
        using var source = new CancellationTokenSource();
        var x = Tensor.Full([2], 3);
        using (new Interruption(source.Token))
        {
            Assert.Equal([6, 6], x.Add(x).ToArray<float>());
            source.Cancel();
            Assert.Throws<OperationCanceledException>(() => x.Add(x));
            Assert.Throws<OperationCanceledException>(() => Workers.For(1, _ => { }));
            using (new Interruption(CancellationToken.None))
                Assert.Equal([6, 6], x.Add(x).ToArray<float>());
            Assert.Throws<OperationCanceledException>(() => x.Add(x));
        }
        Assert.Equal([6, 6], x.Add(x).ToArray<float>());
    }

    [Fact]
    public void Ops_OfOtherThreads_GoOn()
    {
        using var interruption = new Interruption(new(canceled: true));
        Exception? failure = null;
        var other = new Thread(() =>
        {
            try
            {
                Tensor.Full([2], 3).Add(Tensor.Full([2], 3));
            }
            catch (OperationCanceledException error)
            {
                failure = error;
            }
        });
        other.Start();
        other.Join();
        Assert.Null(failure);
    }
}
