using Coppice.Data;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Tests.Data;

public sealed class DataLoaderTests
{
    private static readonly DataLoaderOptions Options = new() { BatchSize = 2, Seed = 11 };
    private static readonly ImageTrainingData Augmented = TestImages.ForTraining(new(Padding: 1));

    [Fact]
    public void Batches_OfAnEpoch_HoldEachExampleOnce()
    {
        var loader = new DataLoader(TestImages.ForTraining(), Options);
        var batches = loader.Batches(0).Contents();
        Assert.Equal([2, 2, 2, 1], batches.Select(batch => batch.Targets.Length));
        Assert.Equal(loader.BatchesPerEpoch, batches.Length);
        Assert.Equal(loader.InOrder().Images().SelectMany(image => image).Order(), batches.SelectMany(batch => batch.Pixels).Order());
    }

    [Fact]
    public void Batches_SameSeedAndEpoch_AreTheSame()
    {
        Assert.Equal(Epoch(1, 0), Epoch(1, 0));
        Assert.NotEqual(Epoch(1, 0), Epoch(1, 1));
        Assert.NotEqual(Epoch(1, 0), Epoch(2, 0));

        static IEnumerable<float> Epoch(int seed, int epoch) =>
            new DataLoader(Augmented, Options with { Seed = seed }).Batches(epoch).Images().SelectMany(image => image);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 2)]
    [InlineData(2, 0)]
    [InlineData(2, 1)]
    [InlineData(2, 5)]
    public void Batches_ThreadsAndPrefetch_ChangeNoByte(int threads, int prefetch)
    {
        var expected = new DataLoader(Augmented, Options with { Prefetch = 0 }).Batches(3).Contents();
        var before = Workers.ThreadCount;
        Workers.ThreadCount = threads;
        try
        {
            AssertSame(expected, new DataLoader(Augmented, Options with { Prefetch = prefetch }).Batches(3).Contents());
        }
        finally
        {
            Workers.ThreadCount = before;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Batches_FromTheMiddle_GoOnAsTheEpochWouldHave(int prefetch)
    {
        var loader = new DataLoader(Augmented, Options with { Prefetch = prefetch });
        var whole = loader.Batches(5).Contents();
        for (var first = 0; first <= whole.Length; first++)
            AssertSame(whole[first..], new DataLoader(Augmented, Options with { Prefetch = prefetch }).Batches(5, first).Contents());
    }

    [Fact]
    public void Batches_DropLast_LeavesOutTheSmallerOne()
    {
        var loader = new DataLoader(Augmented, Options with { DropLast = true });
        Assert.Equal(3, loader.BatchesPerEpoch);
        Assert.Equal([2, 2, 2], loader.Batches(0).Contents().Select(batch => batch.Targets.Length));
        Assert.Equal(4, loader.InOrder().Contents().Length);
    }

    [Fact]
    public void Batches_NotShuffled_AreInOrderAndAugmented()
    {
        var loader = new DataLoader(Augmented, Options with { Shuffle = false });
        Assert.Equal([0, 1, 2, 0, 1, 2, 0], loader.Batches(0).Contents().SelectMany(batch => batch.Targets));
        Assert.NotEqual(loader.InOrder().Images(), loader.Batches(0).Images());
    }

    [Fact]
    public void InOrder_AugmentedData_IsGivenAsItIs() => Assert.Equal(
        new DataLoader(TestImages.ForTraining(), Options).InOrder().Images(), new DataLoader(Augmented, Options).InOrder().Images());

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Batches_OutsideTheScopeOfTheirStep_StayAliveUntilDisposed(int prefetch)
    {
        using var batches = new DataLoader(Augmented, Options with { Prefetch = prefetch }).Batches(0).GetEnumerator();
        using (new TensorScope())
            Assert.True(batches.MoveNext());
        var batch = (ImageBatch)batches.Current;
        Assert.Equal(2, batch.Targets.ToArray<long>().Length);
        batch.Dispose();
        Assert.Throws<ObjectDisposedException>(() => batch.Images.ToArray<float>());
        Assert.Throws<ObjectDisposedException>(() => batch.Targets.ToArray<long>());
    }

    [Fact]
    public void Batches_Prefetched_AreMadeAheadButNotBeyondTheBound()
    {
        var data = new RecordingData(100);
        using var batches = new DataLoader(data, new() { BatchSize = 1, Prefetch = 3 }).Batches(0).GetEnumerator();
        Assert.True(batches.MoveNext());
        // One given out, three ready, one waiting for a place.
        Assert.True(SpinWait.SpinUntil(() => data.Loaded.Count == 5, TimeSpan.FromSeconds(30)));
        Assert.True(batches.MoveNext());
        Assert.InRange(data.Loaded.Count, 5, 6);
    }

    [Fact]
    public void Batches_NotAllTaken_RecycleThoseMadeAhead()
    {
        var data = new RecordingData(100);
        foreach (var batch in new DataLoader(data, new() { BatchSize = 1, Prefetch = 3 }).Batches(0))
            if (SpinWait.SpinUntil(() => data.Loaded.Count == 5, TimeSpan.FromSeconds(30)))
                break;
        Assert.Equal(5, data.Loaded.Count);
        Assert.Single(data.Loaded[0].Ids.ToArray<long>());
        Assert.All(data.Loaded.Skip(1), batch => Assert.Throws<ObjectDisposedException>(() => batch.Ids.ToArray<long>()));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Batches_FailureWhileLoading_ComesAfterTheBatchesBefore(int prefetch)
    {
        var seen = 0;
        var loader = new DataLoader(new RecordingData(4, broken: 2), new() { BatchSize = 1, Shuffle = false, Prefetch = prefetch });
        var error = Assert.Throws<InvalidDataException>(() =>
        {
            foreach (var batch in loader.Batches(0))
                seen++;
        });
        Assert.Equal((2, "example 2 is broken"), (seen, error.Message));
    }

    [Fact]
    public void Constructor_OptionOutOfRange_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new DataLoader(Augmented, new() { BatchSize = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DataLoader(Augmented, new() { BatchSize = 1, Prefetch = -1 }));
        Assert.Contains("7 examples and no whole batch of 8",
            Assert.Throws<ArgumentException>(() => new DataLoader(Augmented, new() { BatchSize = 8, DropLast = true })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Batches_NoSuchBatch_IsRefusedAtOnce()
    {
        var loader = new DataLoader(Augmented, Options);
        Assert.Throws<ArgumentOutOfRangeException>(() => loader.Batches(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => loader.Batches(0, 5));
        Assert.Empty(loader.Batches(0, 4));
    }

    private static void AssertSame((float[] Pixels, long[] Targets)[] expected, (float[] Pixels, long[] Targets)[] actual)
    {
        Assert.Equal(expected.Select(batch => batch.Targets), actual.Select(batch => batch.Targets));
        Assert.Equal(expected.Select(batch => batch.Pixels), actual.Select(batch => batch.Pixels));
    }

    private sealed class RecordingData(int count, int broken = -1) : TrainingData
    {
        public List<TokenBatch> Loaded { get; } = [];

        public override int Count => count;

        public override TrainingBatch Load(ReadOnlySpan<int> examples, EpochSeed? augmentation = null)
        {
            if (examples.Contains(broken))
                throw new InvalidDataException($"example {broken} is broken");
            Loaded.Add(new(Tensor.Zeros([examples.Length, 1], DType.I64), Tensor.Zeros([examples.Length], DType.I64)));
            return Loaded[^1];
        }
    }
}
