using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class ProcessMemoryTests
{
    [Fact]
    public void Parse_StatusLines_AreInBytes() => Assert.Equal(
        new ProcessMemory(1756 * 1024, 116 * 1024),
        ProcessMemory.Parse(["Name:\tx", "VmHWM:\t    1756 kB", "VmRSS:\t 9 kB", "RssAnon:\t     116 kB"]));

    [Fact]
    public void Parse_MissingOrOddLines_AreNull() =>
        Assert.Equal(new ProcessMemory(null, null), ProcessMemory.Parse(["VmHWM:\tmany kB", "RssAnon:"]));

    [Fact]
    public void Measure_OnLinux_SeesAllocatedMemory()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux tells anonymous memory");
        var block = new byte[64 << 20];
        Array.Fill(block, (byte)1);
        var memory = ProcessMemory.Measure();
        GC.KeepAlive(block);
        Assert.SkipWhen(memory.ResidentAnonymous is null, "this kernel's /proc/self/status has no RssAnon");
        Assert.InRange(memory.ResidentAnonymous!.Value, block.Length, long.MaxValue);
        Assert.InRange(memory.PeakResident!.Value, memory.ResidentAnonymous.Value, long.MaxValue);
    }
}
