using System.CommandLine;

namespace Coppice.Cli;

/// <summary>A way in which a verb works. A verb lists its modes with the options that each reads; another one that is given is refused,
/// never passed over.</summary>
/// <param name="Name">What the user asked for, in words that a message goes on with: "--text", "an ONNX file".</param>
/// <param name="Options">The options that are read.</param>
internal sealed record Mode(string Name, params Option[] Options)
{
    /// <summary>What to do instead of giving another option, if there is more to it than leaving it out.</summary>
    public string Advice { get; init; } = "";

    /// <summary>Refuses the verb's other options, before any work.</summary>
    /// <exception cref="UsageException">One is given.</exception>
    public void RefuseOthers(ParseResult parsed)
    {
        foreach (var option in parsed.CommandResult.Command.Options.Except(Options))
            if (IsGiven(option, parsed))
                throw new UsageException($"{option.Name} does not go with {Name}; leave it out{Advice}.");
    }

    /// <summary>Whether the user gave an option, even its default.</summary>
    public static bool IsGiven(Option option, ParseResult parsed) => parsed.GetResult(option) is { Implicit: false };
}
