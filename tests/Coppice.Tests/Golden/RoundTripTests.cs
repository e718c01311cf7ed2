using Coppice.Checkpoints;

namespace Coppice.Tests.Golden;

/// <summary>The GPT-2 student, whose head is tied, through both formats and back.</summary>
public sealed class RoundTripTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Checkpoint _original = Checkpoint.Open(GoldenFiles.Model("gpt2-student"));

    public void Dispose()
    {
        _original.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData(3_000_000L, 5)]
    public void Folder_ToSafeTensorsAndBack_IsTheSameBitForBit(long? maxShardBytes, int files)
    {
        var (there, back) = (Path.Combine(_folder.Path, "there"), Path.Combine(_folder.Path, "back"));
        _original.Save(there, options: new() { Format = CheckpointFormat.SafeTensors, MaxShardBytes = maxShardBytes });
        using (var checkpoint = Checkpoint.Open(there))
        {
            Assert.Equal(files, checkpoint.WeightFiles.Count);
            Assert.Equal(CheckpointFormat.SafeTensors, checkpoint.Format);
            checkpoint.Save(back, options: new() { Format = CheckpointFormat.PyTorch });
        }
        using var returned = Checkpoint.Open(back);
        Assert.Equal(CheckpointFormat.PyTorch, returned.Format);
        Assert.Equal(files, returned.WeightFiles.Count);
        AssertSame(returned);
    }

    private void AssertSame(Checkpoint actual)
    {
        Assert.Equal(_original.Tensors.Select(tensor => tensor.ToString()).Order(),
            actual.Tensors.Select(tensor => tensor.ToString()).Order());
        Assert.All(_original.Tensors, tensor =>
            Assert.True(GoldenFiles.Bytes(tensor).AsSpan().SequenceEqual(GoldenFiles.Bytes(actual[tensor.Name])), tensor.Name));
        Assert.Equal(actual["transformer.wte.weight"].Identity, actual["lm_head.weight"].Identity);
    }
}
