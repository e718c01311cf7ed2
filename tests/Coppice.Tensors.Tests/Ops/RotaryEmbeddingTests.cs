using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels.Reference;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class RotaryEmbeddingTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(6)]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(94)]
    public void Forward_HeadSizes_MatchesReference(int size)
    {
        var (x, frequencies) = (Numbers.Random([2, 3, 4, size], size), Frequencies(size / 2));
        Check(x, Tensor.Arange(5, 4), frequencies, _ => 5);
        Check(x, Tensor.From<long>([0, 0, 1, 2, 7, 8, 9, 300], [2, 4]), frequencies, null);
    }

    [Fact]
    public void Forward_OfHeadsInPlace_IsThatOfTheirCopy()
    {
        var heads = Numbers.Random([2, 5, 3, 8]).Transpose(1, 2);
        var positions = Tensor.Arange(0, 5);
        Assert.Equal(heads.Contiguous().RotaryEmbedding(positions, Frequencies(4)).ToArray<float>(),
            heads.RotaryEmbedding(positions, Frequencies(4)).ToArray<float>());
    }

    [Fact]
    public void Backward_TurnsBack()
    {
        var (x, positions) = (Numbers.Random([1, 2, 3, 10]), Tensor.Arange(4, 3));
        var turned = x.RotaryEmbedding(positions, Frequencies(5));
        var back = new RotaryEmbedding().Backward([x, positions, Frequencies(5)], [turned], [turned])[0]!;
        Numbers.Close([.. x.ToArray<float>().Select(value => (double)value)], back.ToArray<float>(), 1e-6);
    }

    [Fact]
    public void Backward_ToTheFrequencies_IsRefused()
    {
        var frequencies = Frequencies(4);
        using var tape = new Tape();
        tape.Watch(frequencies, _ => { });
        var loss = Numbers.Random([1, 1, 2, 8]).RotaryEmbedding(Tensor.Arange(0, 2), frequencies).Reshape(16).Sum();
        Assert.Contains("frequencies", Assert.Throws<NotSupportedException>(() => tape.Backward(loss)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_Empty_IsEmpty() => Assert.Equal<Shape>(
        [2, 3, 0, 4], Tensor.Empty([2, 3, 0, 4]).RotaryEmbedding(Tensor.Arange(0, 0), Frequencies(2)).Shape);

    [Theory]
    [InlineData(7, 4, 3, "an even D")]
    [InlineData(8, 5, 4, "positions must be [4] or [2, 4]")]
    [InlineData(8, 4, 3, "frequencies must be [4]")]
    public void Infer_WrongShapes_AreNamed(int size, int positions, int frequencies, string says)
    {
        var error = Assert.Throws<OpException>(
            () => Tensor.Zeros([2, 3, 4, size]).RotaryEmbedding(Tensor.Arange(0, positions), Tensor.Zeros([frequencies])));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    private static void Check(Tensor x, Tensor positions, Tensor frequencies, Func<int, long>? first)
    {
        var (heads, steps, size) = (x.Shape[1], x.Shape[2], x.Shape[3]);
        var (values, at) = (positions.ToArray<long>(), frequencies.ToArray<float>());
        var expected = x.ToArray<float>().Chunk(size).SelectMany((row, number) =>
        {
            var (sequence, step) = (number / steps / heads, number % steps);
            return RotaryReference.Turn(row, first is null ? values[sequence * steps + step] : first(sequence) + step, at);
        }).ToArray();
        Numbers.Close(expected, x.RotaryEmbedding(positions, frequencies).ToArray<float>(), 1e-6);
    }

    private static Tensor Frequencies(int count) =>
        Tensor.From<float>([.. Enumerable.Range(0, count).Select(i => MathF.Pow(10000, -(float)i / count))], [count]);
}
