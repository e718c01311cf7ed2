using System.CommandLine;

namespace Coppice.Cli;

/// <summary>Options every verb has.</summary>
internal static class CommonOptions
{
    public static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object on stdout and nothing else there.", Recursive = true };

    public static readonly Option<int?> Threads = new("--threads") { Description = "Threads to compute with (default: all processors).", Recursive = true };

    public static readonly Option<int> Seed = new("--seed") { Description = "Seed of everything random (default: 0).", Recursive = true };

    public static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "No progress and no notes, only results and errors.", Recursive = true };

    public static void AddTo(Command root)
    {
        Threads.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 1024)
                result.AddError("--threads must be from 1 to 1024.");
        });
        root.Add(Json);
        root.Add(Threads);
        root.Add(Seed);
        root.Add(Quiet);
    }
}
