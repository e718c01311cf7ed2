using Coppice.Pruning;

namespace Coppice.Cli;

/// <summary>What the process tells its caller.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int Refused = 3;
    public const int Cancelled = 130;
}

/// <summary>The command line was well-formed but asks for something that makes no sense; exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message)
{
    /// <summary>What is made of the user's words; a refusal of them is wrong usage.</summary>
    public static T Of<T>(Func<T> make)
    {
        try
        {
            return make();
        }
        catch (PruningException error)
        {
            throw new UsageException(error.Message);
        }
    }
}

/// <summary>The work was cancelled and can be gone on with; the message says how.</summary>
internal sealed class StoppedException(string message) : OperationCanceledException(message);
