using System.Collections.Concurrent;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Tests.Kernels;

/// <summary>Alone in its collection: the thread count is one for the whole process.</summary>
[Collection(nameof(WorkersTests))]
[CollectionDefinition(nameof(WorkersTests), DisableParallelization = true)]
public sealed class WorkersTests : IDisposable
{
    private readonly int _before = Workers.ThreadCount;

    public void Dispose() => Workers.ThreadCount = _before;

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 4)]
    [InlineData(3, 4)]
    [InlineData(1000, 1)]
    [InlineData(1000, 4)]
    public void For_AnyCount_RunsEachChunkOnce(int chunks, int threads)
    {
        Workers.ThreadCount = threads;
        var runs = new int[chunks];
        for (var round = 0; round < 50; round++)
            Workers.For(chunks, chunk => Interlocked.Increment(ref runs[chunk]));
        Assert.All(runs, count => Assert.Equal(50, count));
    }

    [Fact]
    public void For_OneThread_StaysOnTheCaller()
    {
        Workers.ThreadCount = 1;
        var caller = Environment.CurrentManagedThreadId;
        Workers.For(100, _ => Assert.Equal(caller, Environment.CurrentManagedThreadId));
    }

    [Fact]
    public void For_ChunksThatWaitForEachOther_RunTogetherOnThreeThreads()
    {
        Workers.ThreadCount = 3;
        using var meeting = new Barrier(3);
        Workers.For(3, _ => Assert.True(meeting.SignalAndWait(TimeSpan.FromSeconds(20))));
    }

    [Fact]
    public void For_AfterThreadCountFell_UsesNoMoreThreads()
    {
        Workers.ThreadCount = 4;
        Workers.For(100, _ => Thread.Sleep(0));
        Workers.ThreadCount = 2;
        var seen = new ConcurrentDictionary<int, bool>();
        Workers.For(200, _ =>
        {
            seen[Environment.CurrentManagedThreadId] = true;
            Thread.Sleep(0);
        });
        Assert.InRange(seen.Count, 1, 2);
    }

    [Fact]
    public void For_WorkersParked_WakesThem()
    {
        Workers.ThreadCount = 2;
        for (var round = 0; round < 5; round++)
        {
            Thread.Sleep(5); // far longer than they spin
            using var meeting = new Barrier(2);
            Workers.For(2, _ => Assert.True(meeting.SignalAndWait(TimeSpan.FromSeconds(20))));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void For_BodyThrows_CallerGetsItsException(int threads)
    {
        Workers.ThreadCount = threads;
        var error = Assert.Throws<InvalidDataException>(() => Workers.For(100, chunk =>
        {
            if (chunk == 7)
                throw new InvalidDataException("chunk 7");
        }));
        Assert.Equal("chunk 7", error.Message);
        var sum = 0;
        Workers.For(10, chunk => Interlocked.Add(ref sum, chunk)); // and the pool still works
        Assert.Equal(45, sum);
    }

    [Fact]
    public void For_Nested_RunsInlineOnTheSameThread()
    {
        Workers.ThreadCount = 4;
        var total = 0;
        Workers.For(20, _ =>
        {
            var outer = Environment.CurrentManagedThreadId;
            Workers.For(20, _ =>
            {
                Assert.Equal(outer, Environment.CurrentManagedThreadId);
                Interlocked.Increment(ref total);
            });
        });
        Assert.Equal(400, total);
    }

    [Fact]
    public async Task For_SeveralCallers_AllFinish()
    {
        Workers.ThreadCount = 4;
        var total = 0;
        var callers = Enumerable.Range(0, 6).Select(_ => Task.Run(() =>
        {
            for (var round = 0; round < 200; round++)
                Workers.For(8, _ => Interlocked.Increment(ref total));
        }));
        await Task.WhenAll(callers);
        Assert.Equal(6 * 200 * 8, total);
    }

    [Fact]
    public void ThreadCount_NotPositive_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => Workers.ThreadCount = 0);
}
