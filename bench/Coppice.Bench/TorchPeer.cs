using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Coppice.Bench;

/// <summary>PyTorch in a process of its own that works on request, so that both sides take turns within one run.</summary>
internal sealed class TorchPeer : IDisposable
{
    private readonly Process _process;

    /// <summary>Starts Debian's python3 with bench/peers/torch_peer.py and waits until it is ready.</summary>
    public TorchPeer(string work, int threads, JsonObject? options = null)
    {
        var script = Path.Combine(Report.Root, "bench", "peers", "torch_peer.py");
        var start = new ProcessStartInfo("/usr/bin/python3", [script]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var name in new[] { "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE" })
            start.Environment.Remove(name); // they would choose slower kernels
        start.Environment["OPENBLAS_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        _process = Process.Start(start)!;
        options ??= [];
        options["work"] = work;
        options["threads"] = threads;
        _process.StandardInput.WriteLine(options.ToJsonString());
        if (Ask() != "ready")
            throw new InvalidOperationException("PyTorch's side did not start; install python3-torch and libopenblas0-pthread.");
    }

    /// <summary>Seconds that one run of the named work takes there.</summary>
    public double Seconds(string name) => double.Parse(Answer(name), CultureInfo.InvariantCulture);

    /// <summary>One line of answer to one line of question.</summary>
    public string Answer(string question)
    {
        _process.StandardInput.WriteLine(question);
        return Ask();
    }

    public void Dispose()
    {
        _process.StandardInput.WriteLine("quit");
        _process.WaitForExit();
        _process.Dispose();
    }

    private string Ask()
    {
        _process.StandardInput.Flush();
        return _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("PyTorch's side ended; its error is above.");
    }
}
