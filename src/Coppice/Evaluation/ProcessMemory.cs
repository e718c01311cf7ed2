using System.Diagnostics;
using System.Globalization;

namespace Coppice.Evaluation;

/// <summary>Memory of the current process, in bytes; null where the system doesn't tell.</summary>
/// <param name="PeakResident">The most memory ever resident, mapped files included.</param>
/// <param name="ResidentAnonymous">Resident now and not backed by a file: heaps, stacks, but not mapped checkpoints. Linux only.</param>
public sealed record ProcessMemory(long? PeakResident, long? ResidentAnonymous)
{
    private const string StatusFile = "/proc/self/status";

    /// <summary>Measures now: VmHWM and RssAnon of /proc/self/status (see proc(5)), elsewhere the peak working set.</summary>
    public static ProcessMemory Measure()
    {
        var fromStatus = File.Exists(StatusFile) ? Parse(File.ReadLines(StatusFile)) : new(null, null);
        return fromStatus.PeakResident is null ? fromStatus with { PeakResident = PeakWorkingSet() } : fromStatus;
    }

    /// <summary>Reads lines such as <c>VmHWM:     1756 kB</c>; kB there means 1,024 bytes.</summary>
    internal static ProcessMemory Parse(IEnumerable<string> status)
    {
        long? peak = null, anonymous = null;
        foreach (var line in status)
        {
            if (line.StartsWith("VmHWM:", StringComparison.Ordinal))
                peak = Kilobytes(line);
            else if (line.StartsWith("RssAnon:", StringComparison.Ordinal))
                anonymous = Kilobytes(line);
        }
        return new(peak, anonymous);
    }

    private static long? Kilobytes(string line)
    {
        var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return words is [_, var number, "kB"] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var kilobytes)
            ? kilobytes * 1024
            : null;
    }

    private static long? PeakWorkingSet()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 is > 0 and var bytes ? bytes : null;
    }
}
