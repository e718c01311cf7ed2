using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class AttentionTests
{
    // B, H, Hkv, Tq, Tk, D
    public static TheoryData<int, int, int, int, int, int> Sizes => new()
    {
        { 1, 1, 1, 1, 1, 1 },
        { 2, 3, 3, 5, 5, 8 },
        { 1, 2, 2, 33, 33, 64 },
        { 2, 4, 2, 32, 40, 32 },
        { 1, 2, 1, 7, 300, 16 },
        { 1, 4, 1, 1, 300, 64 },
        { 1, 2, 2, 4, 129, 20 },
        { 1, 2, 2, 40, 260, 20 },
        { 1, 2, 2, 70, 70, 80 },
        { 1, 2, 2, 9, 9, 3 },
        { 3, 2, 1, 6, 128, 96 },
        { 1, 1, 1, 100, 100, 48 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Forward_Sizes_MatchesReference(int b, int h, int hkv, int tq, int tk, int d)
    {
        var (q, k, v) = Inputs(b, h, hkv, tq, tk, d);
        foreach (var causal in new[] { false, true })
            Numbers.Close(Reference(q, k, v, causal), q.Attention(k, v, causal), 2e-6);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 1, 1)]
    [InlineData(2, 1, 6)]
    [InlineData(2, 4, 6)]
    public void Forward_Mask_MatchesReference(int masks, int heads, int rows)
    {
        var (q, k, v) = Inputs(2, 4, 2, 6, 140, 16);
        var mask = Numbers.Random([masks, heads, rows, 140], 9);
        mask.AsSpan<float>()[3] = float.NegativeInfinity;
        foreach (var causal in new[] { false, true })
        {
            Numbers.Close(Reference(q, k, v, causal, mask), q.Attention(k, v, causal, mask), 2e-6);
            Numbers.Close(Reference(q.Narrow(2, 5, 1), k, v, causal, mask.Narrow(2, rows - 1, 1)),
                q.Narrow(2, 5, 1).Attention(k, v, causal, mask.Narrow(2, rows - 1, 1)), 2e-6);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Backward_Sizes_MatchReference(int b, int h, int hkv, int tq, int tk, int d)
    {
        var (q, k, v) = Inputs(b, h, hkv, tq, tk, d);
        foreach (var causal in new[] { false, true })
            CheckGradients(causal, q, k, v);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 1, 1)]
    [InlineData(2, 4, 35)]
    public void Backward_Mask_MatchesReference(int masks, int heads, int rows)
    {
        var (q, k, v) = Inputs(2, 4, 2, 35, 50, 16);
        var mask = Numbers.Random([masks, heads, rows, 50], 9);
        mask.AsSpan<float>()[3] = float.NegativeInfinity;
        foreach (var causal in new[] { false, true })
            CheckGradients(causal, q, k, v, mask);
    }

    [Fact]
    public void Backward_NoQueries_IsZero()
    {
        var (q, k, v) = Inputs(1, 2, 2, 0, 3, 8);
        var gradients = new Attention(false, 1).Backward([q, k, v], [Tensor.Empty([1, 0, 16])], [Tensor.Empty([1, 0, 16])]);
        Assert.Equal(new float[48], gradients[1]!.ToArray<float>());
        Assert.Equal(new float[48], gradients[2]!.ToArray<float>());
    }

    [Fact]
    public void Forward_SlicesOfFusedProjection_MatchCopies()
    {
        var fused = Numbers.Random([2, 37, 3 * 4 * 32]); // [B, T, 3C]
        Tensor Heads(int part) => fused.Reshape(2, 37, 12, 32).Narrow(2, part * 4, 4).Transpose(1, 2);
        var (q, k, v) = (Heads(0), Heads(1), Heads(2));
        Assert.Equal(
            q.Contiguous().Attention(k.Contiguous(), v.Contiguous(), causal: true).ToArray<float>(),
            q.Attention(k, v, causal: true).ToArray<float>());
    }

    [Fact]
    public void Forward_SliceOfCache_MatchesCopy()
    {
        var cache = Numbers.Random([1, 2, 512, 16]);
        var (q, k) = (Numbers.Random([1, 2, 1, 16], 2), cache.Narrow(2, 0, 201));
        Assert.Equal(q.Attention(k.Contiguous(), k.Contiguous()).ToArray<float>(), q.Attention(k, k, causal: true).ToArray<float>());
    }

    [Fact]
    public void Forward_HeadAxisStrided_MatchesCopy()
    {
        var k = Numbers.Random([1, 2, 16, 9], 3).Transpose(2, 3);
        var q = Numbers.Random([1, 2, 9, 16]);
        Assert.Equal(q.Attention(k.Contiguous(), k.Contiguous()).ToArray<float>(), q.Attention(k, k).ToArray<float>());
    }

    [Fact]
    public void Forward_LargeScores_DoNotOverflow()
    {
        var (q, k, v) = Inputs(1, 1, 1, 8, 300, 16);
        Numbers.Close(Reference(q, k, v, false, scale: 1000), q.Attention(k, v, scale: 1000), 1e-3);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void Forward_QueryThatSeesNothing_IsNaN(int queries)
    {
        var (q, k, v) = Inputs(1, 1, 1, queries, 5, 8);
        var y = q.Attention(k, v, mask: Tensor.Full([1, 1, 1, 5], float.NegativeInfinity));
        Assert.All(y.ToArray<float>(), value => Assert.Equal(float.NaN, value));
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(3, 0)]
    public void Forward_Empty_IsZeroOrEmpty(int queries, int keys)
    {
        var (q, k, v) = Inputs(1, 2, 2, queries, keys, 8);
        Assert.Equal(new float[queries * 16], q.Attention(k, v).ToArray<float>());
    }

    [Fact]
    public void Infer_HeadsNoMultiple_NamesThem()
    {
        var (q, k, v) = Inputs(1, 3, 2, 4, 4, 8);
        Assert.Contains("q's 3 heads are no multiple of k's 2.", Assert.Throws<OpException>(() => q.Attention(k, v)).Message);
    }

    [Fact]
    public void Infer_CausalWithFewerKeys_IsRefused()
    {
        var (q, k, v) = Inputs(1, 1, 1, 5, 4, 8);
        Assert.Contains("at least as many keys as queries", Assert.Throws<OpException>(() => q.Attention(k, v, causal: true)).Message);
    }

    [Fact]
    public void Infer_MaskOfOtherSize_NamesTheScores()
    {
        var (q, k, v) = Inputs(1, 2, 2, 4, 6, 8);
        var error = Assert.Throws<OpException>(() => q.Attention(k, v, mask: Tensor.Zeros([1, 1, 1, 5])));
        Assert.Contains("the mask does not broadcast to the scores, [1, 2, 4, 6].", error.Message);
    }

    private static (Tensor Q, Tensor K, Tensor V) Inputs(int b, int h, int hkv, int tq, int tk, int d) =>
        (Numbers.Random([b, h, tq, d], 1, 1), Numbers.Random([b, hkv, tk, d], 2), Numbers.Random([b, hkv, tk, d], 3));

    private static Tensor Reference(Tensor q, Tensor k, Tensor v, bool causal, Tensor? mask = null, float? scale = null)
    {
        var op = new Attention(causal, scale ?? 1 / MathF.Sqrt(q.Shape[3]));
        Tensor[] inputs = mask is null ? [q, k, v] : [q, k, v, mask];
        var output = Tensor.Empty([q.Shape[0], q.Shape[2], q.Shape[1] * q.Shape[3]]);
        Coppice.Tensors.Kernels.Reference.AttentionReference.Run(op.Problem(inputs, output));
        GC.KeepAlive(inputs);
        return output;
    }

    private static void CheckGradients(bool causal, params Tensor[] inputs)
    {
        var op = new Attention(causal, 1 / MathF.Sqrt(inputs[0].Shape[3]));
        var output = Op.ApplySingle(op, inputs);
        var gradient = Numbers.Random(output.Shape, 7, 1);
        var expected = Coppice.Tensors.Kernels.Reference.AttentionReference.Gradients(
            op.Problem(inputs, output), gradient.AsReadOnlySpan<float>());
        var actual = op.Backward(inputs, [output], [gradient]);
        Numbers.Close(expected.Q, actual[0]!.Transpose(1, 2).ToArray<float>(), 5e-6);
        Numbers.Close(expected.K, actual[1]!.Transpose(1, 2).ToArray<float>(), 5e-6);
        Numbers.Close(expected.V, actual[2]!.Transpose(1, 2).ToArray<float>(), 5e-6);
        GC.KeepAlive(inputs);
    }
}
