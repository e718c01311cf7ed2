using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using Coppice.Pruning.Dependency;
using Coppice.Tensors.Kernels;
using Coppice.Tensors.Ops;

namespace Coppice.Cli;

/// <summary>The command line: its verbs, its common options, its exit codes.</summary>
internal static class CoppiceCommand
{
    // Made once: verbs share options, which System.CommandLine changes while commands are put together and only reads afterwards.
    private static readonly RootCommand Root = CreateRoot();

    /// <summary>Parses and runs; errors become one message and the contract's exit code.</summary>
    /// <param name="args">The arguments after the program's name.</param>
    /// <param name="output">Where results go; stdout where null.</param>
    /// <param name="error">Where progress, notes and errors go; stderr where null.</param>
    /// <param name="cancellation">Stops the work as Ctrl-C does.</param>
    public static async Task<int> RunAsync(string[] args, TextWriter? output = null, TextWriter? error = null,
        CancellationToken cancellation = default)
    {
        var parsed = Root.Parse(args);
        if (parsed.Errors.Count > 0)
            return ReportUsage(parsed, error ?? Console.Error);
        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            Output = output ?? Console.Out,
            Error = error ?? Console.Error,
        };
        return await parsed.InvokeAsync(configuration, cancellation);
    }

    private static RootCommand CreateRoot()
    {
        var root = new RootCommand("Coppice cuts trained neural networks back and lets them regrow.\nStart with: coppice inspect PATH");
        CommonOptions.AddTo(root);
        root.Add(InspectCommand.Create());
        root.Add(PruneCommand.Create());
        root.Add(GroupsCommand.Create());
        root.Add(ExportCommand.Create());
        root.Add(FinalizeCommand.Create());
        root.Add(GenerateCommand.Create());
        root.Add(EvalCommand.Create());
        root.Add(CompareCommand.Create());
        root.Add(SensitivityCommand.Create());
        root.Add(TrainCommand.Create());
        root.Add(MeasureMemoryCommand.Create());
        return root;
    }

    /// <summary>The action of a verb: applies the common options, runs, and turns exceptions into messages and exit codes.</summary>
    public static void SetWork(this Command command, Func<ParseResult, Terminal, CancellationToken, Task<int>> work) =>
        command.SetAction(async (parsed, cancellation) =>
        {
            var terminal = new Terminal(parsed.GetValue(CommonOptions.Json), parsed.GetValue(CommonOptions.Quiet),
                parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, cancellation);
            if (parsed.GetValue(CommonOptions.Threads) is { } threads)
                Workers.ThreadCount = threads;
            try
            {
                return await work(parsed, terminal, cancellation);
            }
            catch (OperationCanceledException error)
            {
                terminal.Error(error is StoppedException ? error.Message : "cancelled; nothing was left half-written.");
                return ExitCode.Cancelled;
            }
            catch (VerificationException error)
            {
                terminal.Error(error.Message);
                return ExitCode.Refused;
            }
            catch (UsageException error)
            {
                terminal.Error(error.Message);
                return ExitCode.Usage;
            }
            catch (Exception error) when (Environment.GetEnvironmentVariable("COPPICE_TRACE") is null)
            {
                terminal.Error(IsExpected(error) ? error.Message
                    : $"an error in coppice itself: {error.GetType().Name}: {error.Message} Please report it with the output of COPPICE_TRACE=1.");
                return ExitCode.Failed;
            }
        });

    /// <summary>Errors whose message was written for the user.</summary>
    private static bool IsExpected(Exception error) => error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException
        or InvalidDataException or KeyNotFoundException or JsonException or OpException
        || error.GetType().Namespace!.StartsWith("Coppice.", StringComparison.Ordinal);

    private static int ReportUsage(ParseResult parsed, TextWriter output)
    {
        foreach (var error in parsed.Errors)
            output.WriteLine($"coppice: {error.Message}");
        output.WriteLine($"See: {CommandPath(parsed.CommandResult)} --help");
        return ExitCode.Usage;
    }

    private static string CommandPath(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{CommandPath(parent)} {result.Command.Name}" : "coppice";
}
