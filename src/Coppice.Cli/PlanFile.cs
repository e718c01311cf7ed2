using Coppice.Checkpoints;
using Coppice.Models.Vision;
using Coppice.Onnx;

namespace Coppice.Cli;

/// <summary>The file that <c>--plan</c> names.</summary>
internal static class PlanFile
{
    /// <summary>Refuses, before any work, a plan that would replace what is written or read, or be replaced by it, or can't be written: the plan
    /// comes last.</summary>
    /// <param name="plan">Where the plan is, or shall be; null for nowhere.</param>
    /// <param name="input">The model.</param>
    /// <param name="output">Where the smaller one goes; null for nowhere.</param>
    /// <param name="isGiven">Whether the plan is read, not written.</param>
    /// <exception cref="UsageException">It is such a one.</exception>
    public static void Check(string? plan, string input, string? output, bool isGiven)
    {
        if (plan is null)
            return;
        var real = Checkpoint.RealPath(plan);
        if (output is not null && IsWrittenWith(Checkpoint.RealPath(output), real, Directory.Exists(input)))
            throw new UsageException($"--plan {plan} is where -o {output} is written; name another file.");
        if (isGiven)
            return;
        if (Directory.Exists(real) || !Directory.Exists(Path.GetDirectoryName(real)))
            throw new UsageException($"--plan {plan} can't be written: it is a folder, or in a folder that does not exist.");
        if (!Path.Exists(input))
            return; // opening it says so
        using var model = Weights.Open(input);
        if (model.WeightFiles.Append(PretrainedVisionModel.PlanPath(input)).Any(file => Checkpoint.RealPath(file) == real))
            throw new UsageException($"--plan {plan} is the input itself, or belongs to it; name another file.");
    }

    /// <summary>Whether a file is an output, in it, or one that is written beside it.</summary>
    private static bool IsWrittenWith(string output, string file, bool isFolder) => file == output
        || (isFolder ? file.StartsWith(output + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            : file == (Weights.IsOnnx(output) ? OnnxFile.DataPath(output) : PretrainedVisionModel.PlanPath(output)));
}
