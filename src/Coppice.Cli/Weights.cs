using Coppice.Checkpoints;
using Coppice.Onnx;

namespace Coppice.Cli;

/// <summary>Opens what verbs read weights of.</summary>
internal static class Weights
{
    /// <summary>Whether a path names an ONNX model, which says itself what it computes.</summary>
    public static bool IsOnnx(string path) => path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);

    /// <summary>A checkpoint, or the weights of an ONNX file.</summary>
    public static IWeightStore Open(string path) => IsOnnx(path) ? OnnxWeights.Open(path) : Checkpoint.Open(path);
}
