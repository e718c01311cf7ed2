using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Coppice.Bench;

/// <summary>ONNX Runtime in a process of its own, under node, that runs a model of images on request.</summary>
internal sealed class OrtPeer : IDisposable
{
    private readonly Process _process;

    /// <summary>Starts bench/peers/ort_peer.js; node finds onnxruntime-node by NODE_PATH.</summary>
    public OrtPeer(string model, int batch, int threads)
    {
        var script = Path.Combine(Report.Root, "bench", "peers", "ort_peer.js");
        _process = Process.Start(new ProcessStartInfo("node", [script]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        var request = new JsonObject { ["model"] = Path.GetFullPath(model), ["batch"] = batch, ["threads"] = threads };
        if (Ask(request.ToJsonString()) != "ready")
            throw new InvalidOperationException("ONNX Runtime did not start; npm install onnxruntime-node and set NODE_PATH to its node_modules.");
    }

    /// <summary>Runs the model once.</summary>
    public RunTime Run()
    {
        var seconds = Ask("run").Split(' ').Select(text => double.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        return new(seconds[0], seconds[1]);
    }

    public void Dispose()
    {
        _process.StandardInput.WriteLine("quit");
        _process.WaitForExit();
        _process.Dispose();
    }

    private string Ask(string question)
    {
        _process.StandardInput.WriteLine(question);
        _process.StandardInput.Flush();
        return _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("ONNX Runtime's side ended; its error is above.");
    }
}

/// <summary>What a run took.</summary>
/// <param name="Wall">Seconds by the clock.</param>
/// <param name="Processor">Seconds of processors, all threads together.</param>
internal readonly record struct RunTime(double Wall, double Processor);
