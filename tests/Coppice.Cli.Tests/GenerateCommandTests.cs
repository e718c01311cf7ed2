namespace Coppice.Cli.Tests;

public sealed class GenerateCommandTests
{
    private const string Prompt = "O Romeo, Romeo,";

    [Fact]
    public async Task Json_OfOnePrompt_HasTextTokensReasonAndTimings()
    {
        var json = (await Generate("--prompt", Prompt, "--max-new-tokens", "8")).Json;
        Assert.Equal(Prompt, json.GetProperty("prompt").GetString());
        Assert.Equal("\nAnd I am a lord,", json.GetProperty("text").GetString());
        Assert.Equal(8, json.GetProperty("token_ids").GetArrayLength());
        Assert.Equal("length", json.GetProperty("finish_reason").GetString());
        Assert.True(json.GetProperty("timings").GetProperty("prefill_ms").GetDouble() > 0);
    }

    [Fact]
    public async Task Llama_OfThePrompt_ContinuesAsPyTorch()
    {
        var run = await CommandRun.Of("generate", CommandRun.Stories, "--prompt", "Once upon a time", "--max-new-tokens", "21", "--json");
        Assert.Equal(", there was a little girl named Lily. She loved to play outside", Text(run));
    }

    [Fact]
    public async Task Stop_Text_EndsTheContinuation()
    {
        var json = (await Generate("--prompt", Prompt, "--stop", " lord")).Json;
        Assert.Equal("\nAnd I am a", json.GetProperty("text").GetString());
        Assert.Equal("stop", json.GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Sampling_WithTheSameSeed_GivesTheSameText()
    {
        string[] args = ["--prompt", Prompt, "--max-new-tokens", "12", "--temperature", "0.9", "--top-k", "40", "--top-p", "0.95",
            "--repetition-penalty", "1.1"];
        var first = Text(await Generate([.. args, "--seed", "7"]));
        Assert.Equal(first, Text(await Generate([.. args, "--seed", "7"])));
        Assert.NotEqual(first, Text(await Generate([.. args, "--seed", "8"])));
    }

    [Fact]
    public async Task TopK_OfOne_IsGreedy() =>
        Assert.Equal(Text(await Generate("--prompt", Prompt)),
            Text(await Generate("--prompt", Prompt, "--temperature", "1", "--top-k", "1")));

    [Fact]
    public async Task Batch_OfPrompts_EqualsEachAlone()
    {
        string[] prompts = [Prompt, "The", "In the morning she had been"];
        var batch = (await Generate([.. prompts.SelectMany(prompt => new[] { "--prompt", prompt }), "--max-new-tokens", "10"]))
            .Json.GetProperty("results");
        for (var i = 0; i < prompts.Length; i++)
            Assert.Equal(Text(await Generate("--prompt", prompts[i], "--max-new-tokens", "10")), batch[i].GetProperty("text").GetString());
    }

    [Fact]
    public async Task Stream_OfOnePrompt_PrintsTheSameTextAsWithout()
    {
        var plain = await CommandRun.Of("generate", CommandRun.Gpt2, "--prompt", Prompt, "--max-new-tokens", "8");
        var streamed = await CommandRun.Of("generate", CommandRun.Gpt2, "--prompt", Prompt, "--max-new-tokens", "8", "--stream");
        Assert.Equal($"{Prompt}\nAnd I am a lord,{Environment.NewLine}", plain.Output);
        Assert.Equal(plain.Output, streamed.Output);
        Assert.Contains("tokens/s", plain.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stream_OfTwoPrompts_IsWrongUsage() =>
        (await CommandRun.Of("generate", CommandRun.Gpt2, "--prompt", "a", "--prompt", "b", "--stream"))
            .AssertFailed(ExitCode.Usage, "--stream");

    [Theory]
    [InlineData("MaxNewTokens", "--max-new-tokens", "-1")]
    [InlineData("Temperature", "--temperature", "-0.5")]
    [InlineData("Temperature", "--temperature", "NaN")]
    [InlineData("TopK", "--top-k", "-1")]
    [InlineData("TopP", "--top-p", "0")]
    [InlineData("TopP", "--top-p", "1.5")]
    [InlineData("RepetitionPenalty", "--repetition-penalty", "0")]
    [InlineData("stop text", "--stop", "")]
    public async Task Option_OutOfRange_IsWrongUsage(string says, params string[] options) =>
        (await CommandRun.Of(["generate", CommandRun.Gpt2, "--prompt", "x", .. options])).AssertFailed(ExitCode.Usage, says);

    [Fact]
    public async Task Prompt_LongerThanTheContext_IsRefused() =>
        (await CommandRun.Of("generate", CommandRun.Gpt2, "--prompt", string.Concat(Enumerable.Repeat("word ", 300))))
            .AssertFailed(ExitCode.Failed, "256", "Shorten the prompt");

    [Theory]
    [InlineData("no config.json", null)]
    [InlineData("BERT", "bert")]
    public async Task Model_ThatDoesNotGenerate_IsRefused(string what, string? model)
    {
        using var folder = new TempFolder();
        var run = await CommandRun.Of("generate", model is null ? folder.Path : CommandRun.Bert, "--prompt", "x");
        run.AssertFailed(ExitCode.Failed, model is null ? what : "does not predict text");
    }

    [Theory]
    [InlineData("\"n_embd\": 128", "\"n_embd\": 64", "wrong shapes")]
    [InlineData("\"n_layer\": 12", "\"n_layer\": 11", "unexpected")]
    [InlineData("\"n_layer\": 12", "\"n_layer\": 13", "missing")]
    [InlineData("\"n_layer\": 12", "\"n_layer\": 2000000000", "n_layer")]
    [InlineData("\"n_layer\": 12", "\"n_layer\": -1", "n_layer")]
    [InlineData("\"n_head\": 4", "\"n_head\": 0", "n_head")]
    [InlineData("\"n_head\": 4", "\"n_head\": 3", "n_head")]
    [InlineData("\"vocab_size\": 4096", "\"vocab_size\": 2000000000", "vocab_size")]
    [InlineData("\"vocab_size\": 4096", "\"vocab_size\": -3", "vocab_size")]
    [InlineData("\"vocab_size\": 4096", "\"vocab_size\": \"many\"", "vocab_size")]
    [InlineData("\"n_positions\": 256", "\"n_positions\": 2000000000", "n_positions")]
    [InlineData("\"gelu_new\"", "\"magic\"", "magic")]
    [InlineData("{", "[", "config.json")]
    public async Task Config_AgainstTheWeights_IsRefused(string old, string changed, string says)
    {
        using var folder = new TempFolder();
        var model = TinyCheckpoint.CopyModel(folder, CommandRun.Gpt2, "config.json", text =>
            text.Replace(old, changed, StringComparison.Ordinal));
        (await CommandRun.Of("generate", model, "--prompt", "x")).AssertFailed(ExitCode.Failed, "config.json", says);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{\"eos_token_id\": 1.5}")]
    [InlineData("{\"eos_token_id\": [\"end\"]}")]
    [InlineData("{")]
    public async Task GenerationConfig_ThatIsMalformed_IsNamed(string text)
    {
        using var folder = new TempFolder();
        var model = TinyCheckpoint.CopyModel(folder, CommandRun.Gpt2, "generation_config.json", _ => text);
        (await CommandRun.Of("generate", model, "--prompt", "x")).AssertFailed(ExitCode.Failed, "generation_config.json");
    }

    private static Task<CommandRun> Generate(params string[] args) => CommandRun.Of(["generate", CommandRun.Gpt2, "--json", .. args]);

    private static string? Text(CommandRun run) => run.Json.GetProperty("text").GetString();
}
