using System.Diagnostics;
using System.Text.Json;

namespace Coppice.Cli.Tests;

/// <summary>What one run of the command printed and returned.</summary>
internal sealed record CommandRun(int ExitCode, string Output, string Error)
{
    public static readonly string Gpt2 = TestData.InRepository("samples", "models", "gpt2-student");
    public static readonly string Bert = TestData.InRepository("samples", "models", "bert-thucnews");
    public static readonly string Stories = TestData.InRepository("samples", "models", "stories260K");
    public static readonly string StoriesFile = Path.Combine(Stories, "model.safetensors");
    public static readonly string Shakespeare = TestData.InRepository("samples", "data", "tinyshakespeare-test.txt");

    /// <summary>Stdout as the one JSON object it has to be.</summary>
    public JsonElement Json
    {
        get
        {
            Assert.True(ExitCode == 0, Error);
            var json = JsonElement.Parse(Output);
            Assert.Equal(JsonValueKind.Object, json.ValueKind);
            return json;
        }
    }

    /// <summary>Runs in this process.</summary>
    public static Task<CommandRun> Of(params string[] args) => Of(CancellationToken.None, args);

    /// <summary>Runs in this process, stopped by the token as by Ctrl-C.</summary>
    public static async Task<CommandRun> Of(CancellationToken cancellation, params string[] args)
    {
        using StringWriter output = new(), error = new();
        var code = await CoppiceCommand.RunAsync(args, output, error, cancellation);
        return new(code, output.ToString(), error.ToString());
    }

    /// <summary>Runs the built program, for what depends on being a process of its own.</summary>
    public static Task<CommandRun> OfProcess(params string[] args) => Start(Program, args);

    /// <summary>Runs a shell script whose <c>$0</c> is the built program and <c>$@</c> its arguments.</summary>
    public static Task<CommandRun> OfShell(string script, params string[] args) => Start("/bin/sh", ["-c", script, Program, .. args]);

    private static string Program => Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "Coppice.Cli.exe" : "Coppice.Cli");

    private static async Task<CommandRun> Start(string program, string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardOutput = true,
            RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return new(process.ExitCode, await output, await error);
    }

    /// <summary>Asserts a failure by the contract: this code, nothing on stdout, a message that says all of this, no stack trace.</summary>
    public void AssertFailed(int code, params string[] says)
    {
        Assert.True(ExitCode == code, $"exit code {ExitCode} instead of {code}: {Error}");
        Assert.Empty(Output);
        Assert.All(says, text => Assert.Contains(text, Error, StringComparison.Ordinal));
        Assert.Contains(Error.Split('\n'), line => line.StartsWith("coppice: ", StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("an error in coppice itself", Error, StringComparison.Ordinal);
    }
}
