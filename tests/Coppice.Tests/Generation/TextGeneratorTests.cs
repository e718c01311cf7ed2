using Coppice.Generation;
using Coppice.Models;
using Coppice.Tests.Tokenizers;

namespace Coppice.Tests.Generation;

/// <summary>On the GPT-2 student, which continues the prompt with a line, "And I am a lord, and I am not,", and more lines.</summary>
public sealed class TextGeneratorTests
{
    private const string Prompt = "O Romeo, Romeo,";

    private static readonly PretrainedModel Model = PretrainedModel.Open(TestData.InRepository("samples", "models", "gpt2-student"));

    [Fact]
    public void Stop_ThatSpansTokens_IsHeldBackWhileStreaming()
    {
        var pieces = new List<string>();
        var result = Generator().Generate(Prompt, new() { MaxNewTokens = 30, Stop = ["lord, and I", "never there"] }, pieces.Add);
        Assert.Equal("\nAnd I am a ", result.Text);
        Assert.Equal(FinishReason.Stop, result.FinishReason);
        Assert.Equal(result.Text, string.Concat(pieces));
        Assert.True(pieces.Count > 1);
    }

    [Fact]
    public void Stop_ThatOnlyBegins_IsShownInTheEnd()
    {
        var pieces = new List<string>();
        var result = Generator().Generate(Prompt, new() { MaxNewTokens = 7, Stop = [" lord of the manor"] }, pieces.Add);
        Assert.EndsWith(" lord", result.Text, StringComparison.Ordinal);
        Assert.Equal(FinishReason.Length, result.FinishReason);
        Assert.Equal(result.Text, string.Concat(pieces));
    }

    [Fact]
    public void Stop_OfSeveral_EndsAtTheFirst() =>
        Assert.Equal("\nAnd I ", Generator().Generate(Prompt, new() { Stop = ["lord", "am", "a lord"] }).Text);

    [Fact]
    public void EndOfText_Token_EndsTheTextAndIsNotShown()
    {
        var end = GoldenTexts.Gpt2.Encode(" lord").First();
        var result = Generator(end).Generate(Prompt);
        Assert.Equal(FinishReason.EndOfText, result.FinishReason);
        Assert.Equal("\nAnd I am a", result.Text);
        Assert.Equal(end, result.Ids[^1]);
    }

    [Fact]
    public void Length_OfNone_ReturnsThePromptAlone()
    {
        var result = Generator().Generate(Prompt, new() { MaxNewTokens = 0 });
        Assert.Equal((Prompt, "", FinishReason.Length), (result.Prompt, result.Text, result.FinishReason));
        Assert.Empty(result.Ids);
    }

    [Fact]
    public void Length_BeyondTheContext_EndsThere()
    {
        var prompt = string.Concat(Enumerable.Repeat("the ", 240));
        var result = Generator().Generate(prompt, new() { MaxNewTokens = 1000 });
        Assert.Equal(256, result.PromptIds.Count + result.Ids.Count);
        Assert.Equal(FinishReason.Length, result.FinishReason);
    }

    [Fact]
    public void Prompt_TooLong_IsRefused() => Assert.Contains("the model sees 256",
        Assert.Throws<ArgumentException>(() => Generator().Generate(string.Concat(Enumerable.Repeat("the ", 300)))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Prompt_Empty_BeginsWithEndOfTextOrIsRefused()
    {
        Assert.Equal([4095], Generator(4095).Generate("", new() { MaxNewTokens = 1 }).PromptIds);
        Assert.Contains("empty", Assert.Throws<ArgumentException>(() => Generator().Generate("")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.8f)]
    public void Batch_OfDifferentLengths_EqualsEachPromptAlone(float temperature)
    {
        string[] prompts = [Prompt, "The", "In the morning she had been\nto be afraid of"];
        GenerationOptions options = new() { MaxNewTokens = 20, Temperature = temperature, Seed = 3, Stop = [","] };
        var batch = Generator().Generate(prompts, options);
        for (var i = 0; i < prompts.Length; i++)
        {
            var alone = Generator().Generate(prompts[i], options with { Seed = options.Seed + i });
            Assert.Equal((alone.Text, alone.FinishReason), (batch[i].Text, batch[i].FinishReason));
            Assert.Equal(alone.Ids, batch[i].Ids);
        }
    }

    [Fact]
    public void Batch_OfNone_IsEmpty() => Assert.Empty(Generator().Generate(Array.Empty<string>()));

    [Fact]
    public void Cancellation_BetweenTokens_Stops()
    {
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() =>
            Generator().Generate(Prompt, onText: _ => source.Cancel(), cancellation: source.Token));
    }

    private static TextGenerator Generator(params int[] endOfText) =>
        new(Model.CausalLanguageModel, GoldenTexts.Gpt2, endOfText.ToHashSet());
}
