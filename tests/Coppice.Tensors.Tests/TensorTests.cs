using Coppice.Tensors.Ops;
using Coppice.Tensors.Tracing;

namespace Coppice.Tensors.Tests;

public sealed class TensorTests
{
    private static Tensor Counting(params int[] dims)
    {
        var shape = Shape.Create(dims);
        return Tensor.From<float>([.. Enumerable.Range(0, (int)shape.Count).Select(i => (float)i)], shape);
    }

    [Fact]
    public void TensorScope_OverItsLimit_RefusesBeforeAllocating()
    {
        using var scope = new TensorScope(1000);
        Tensor.Zeros([100]);
        using (new TensorScope())
            Tensor.Zeros([100]);
        Assert.Equal(200, scope.BytesLeft);
        Assert.Throws<InsufficientMemoryException>(() => Tensor.Zeros([1 << 15, 1 << 15, 1 << 15]));
        Tensor.Zeros([50]);
        Assert.Equal(0, scope.BytesLeft);
    }

    [Fact]
    public void Transpose_Contiguous_ReordersElements() =>
        Assert.Equal([0, 3, 1, 4, 2, 5], Counting(2, 3).Transpose(0, 1).ToArray<float>());

    [Fact]
    public void Narrow_View_SharesMemory()
    {
        var tensor = Counting(2, 3);
        var view = tensor.Narrow(-1, 1, 2);
        Assert.True(view.SharesMemoryWith(tensor));
        Assert.Equal([1, 2, 4, 5], view.ToArray<float>());
    }

    [Fact]
    public void Reshape_MinusOne_IsComputed() => Assert.Equal<Shape>([3, 4], Counting(2, 6).Reshape(3, -1).Shape);

    [Fact]
    public void Reshape_WrongCount_NamesOpAndShapes()
    {
        var error = Assert.Throws<OpException>(() => Counting(2, 3).Reshape(4, 2));
        Assert.Contains("Reshape(F32 [2, 3])", error.Message);
    }

    [Fact]
    public void TensorScope_Dispose_ReleasesAllButKept()
    {
        Tensor kept, lost;
        using (var scope = new TensorScope())
        {
            kept = scope.Keep(Counting(4));
            lost = Counting(4);
        }
        Assert.Equal(3, kept.AsReadOnlySpan<float>()[3]);
        Assert.Throws<ObjectDisposedException>(() => lost.AsReadOnlySpan<float>().Length);
    }

    [Fact]
    public void TraceScope_ViewsAndCopies_AreSeen()
    {
        var trace = new Names();
        using (trace)
            Counting(2, 3).Transpose(0, 1).Contiguous();
        Assert.Equal(["Transpose", "Contiguous"], trace.Seen);
    }

    private sealed class Names : TraceScope
    {
        public List<string> Seen { get; } = [];

        public override void Record(Op op, ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) => Seen.Add(op.Name);
    }
}
