using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Coppice.Tensors.Tests;

/// <summary>
/// Runs the kernel tests again in a child process with instruction sets switched off, so that the narrower paths are tested on any machine.
/// A test class joins in by <c>[Trait("Category", "Kernels")]</c>.
/// </summary>
public sealed partial class InstructionSets
{
    /// <summary>Set in the child, which must not start children of its own.</summary>
    private const string ChildMark = "COPPICE_INSTRUCTION_SETS_CHILD";

    public static bool IsChild => Environment.GetEnvironmentVariable(ChildMark) is not null;

    [Theory(Skip = "this is the child", SkipWhen = nameof(IsChild))]
    [InlineData("DOTNET_EnableAVX512")]
    [InlineData("DOTNET_EnableAVX2")]
    [InlineData("DOTNET_EnableHWIntrinsic")]
    public async Task Kernels_WithInstructionSetOff_PassTheirTests(string variable)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["--filter-trait", "Category=Kernels", "--no-progress", "--no-ansi"])
        {
            RedirectStandardOutput = true,
            Environment = { [variable] = "0", [ChildMark] = "1" },
        };
        using var child = Process.Start(start)!;
        var output = await child.StandardOutput.ReadToEndAsync();
        await child.WaitForExitAsync();
        Assert.True(child.ExitCode == 0, $"{variable}=0:\n{output}");
        Assert.True(int.Parse(Succeeded().Match(output).Groups[1].Value) > 0, output);
    }

    [GeneratedRegex(@"succeeded:\s*(\d+)")]
    private static partial Regex Succeeded();
}
