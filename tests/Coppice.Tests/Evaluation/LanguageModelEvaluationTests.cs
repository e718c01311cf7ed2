using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Evaluation;

public sealed class LanguageModelEvaluationTests
{
    [Fact]
    public void Perplexity_OfAModelThatKnowsNothing_IsTheVocabulary()
    {
        var result = LanguageModelEvaluation.Perplexity(new Bigram(0), Windows(context: 4, stride: 4));
        Assert.Equal(6, result.Tokens);
        Assert.Equal(3, result.Value, 12);
    }

    [Fact]
    public void Perplexity_OfKnownLogits_IsTheDefinition()
    {
        // After a token t the logits are [0, 0, 0] with 2 at (t + 1) % 3; the text 0 1 2 0 0 1 2 0 follows that but once.
        var normalizer = Math.Log(Math.Exp(2) + 2);
        var result = LanguageModelEvaluation.Perplexity(new Bigram(2), Windows(context: 8, stride: 8));
        Assert.Equal(7 * normalizer - 6 * 2, result.NllSum, 9);
        Assert.Equal(7, result.Tokens);
    }

    [Theory]
    [InlineData(8, 8)]
    [InlineData(4, 2)]
    [InlineData(5, 1)]
    public void Perplexity_InOverlappingWindows_ScoresEachTokenOnce(int context, int stride)
    {
        var whole = LanguageModelEvaluation.Perplexity(new Bigram(2), Windows(8, 8));
        var result = LanguageModelEvaluation.Perplexity(new Bigram(2), Windows(context, stride));
        Assert.Equal(whole.Tokens, result.Tokens);
        Assert.Equal(whole.NllSum, result.NllSum, 9);
    }

    [Fact]
    public void Compare_OfTwoModels_AgreesWithEachAlone()
    {
        var (before, after, agreement) = LanguageModelEvaluation.Compare(new Bigram(2), new Bigram(-2), Windows(4, 4));
        Assert.Equal(LanguageModelEvaluation.Perplexity(new Bigram(2), Windows(4, 4)).NllSum, before.NllSum);
        Assert.Equal(LanguageModelEvaluation.Perplexity(new Bigram(-2), Windows(4, 4)).NllSum, after.NllSum);
        Assert.Equal(8, agreement.Rows);
        Assert.Equal(0, agreement.Top1Agreement);
        Assert.Equal(4, agreement.MaxLogitDifference, 6);
        // Sum over classes of p log(p / q), p = softmax(2, 0, 0), q = softmax(-2, 0, 0).
        var (p, q) = (Math.Exp(2) / (Math.Exp(2) + 2), Math.Exp(-2) / (Math.Exp(-2) + 2));
        Assert.Equal(p * Math.Log(p / q) + (1 - p) * Math.Log((1 - p) / (1 - q)), agreement.MeanKl, 6);
    }

    [Fact]
    public void Compare_OfAModelWithItself_AgreesFully()
    {
        var agreement = LanguageModelEvaluation.Compare(new Bigram(2), new Bigram(2), Windows(4, 4)).Agreement;
        Assert.Equal((1, 0, 0), (agreement.Top1Agreement, agreement.MeanKl, agreement.MaxLogitDifference));
    }

    [Fact]
    public void Perplexity_Cancelled_Stops() => Assert.Throws<OperationCanceledException>(() =>
        LanguageModelEvaluation.Perplexity(new Bigram(2), Windows(4, 4), cancellation: new CancellationToken(canceled: true)));

    private static TokenWindows Windows(int context, int stride) => new(new[] { 0, 1, 2, 0, 0, 1, 2, 0 }, context, stride);

    /// <summary>Three tokens; the logit of the next in turn is <paramref name="lead"/>, the others' 0.</summary>
    private sealed class Bigram(float lead) : ICausalLanguageModel
    {
        public int VocabSize => 3;

        public int MaxPositions => 8;

        public KvCache CreateCache(int capacity) => new(0, capacity);

        public Tensor Forward(Tensor ids, KvCache? cache = null, IReadOnlyList<int>? padding = null, bool lastOnly = false)
        {
            var logits = Tensor.Zeros([1, ids.Shape[1], VocabSize]);
            for (var i = 0; i < ids.Shape[1]; i++)
                logits.AsSpan<float>()[i * VocabSize + (int)(ids.AsReadOnlySpan<long>()[i] + 1) % VocabSize] = lead;
            return logits;
        }

        public Tensor ForwardMasked(Tensor ids, Tensor attentionMask) => Forward(ids);
    }
}
