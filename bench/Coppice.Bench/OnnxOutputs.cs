using System.Runtime.InteropServices;
using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Bench;

/// <summary>Runs ONNX files and writes down what they give, for bench/torchvision/compare.mjs to compare with ONNX Runtime.</summary>
internal static class OnnxOutputs
{
    /// <summary>Element i of each input is sin(i); output k of FILE.onnx goes to FILE.k.f32.</summary>
    public static int Run(IReadOnlyList<string> paths)
    {
        foreach (var path in paths)
        {
            using var scope = new TensorScope();
            using var file = OnnxFile.Open(path);
            var model = new OnnxModule(file);
            foreach (var (number, output) in model.Forward([.. model.Inputs.Select(Waves)]).Index())
                if (output.DType == DType.F32)
                    File.WriteAllBytes(Path.ChangeExtension(path, $".{number}.f32"), MemoryMarshal.AsBytes(output.ToArray<float>()));
        }
        return 0;
    }

    private static Tensor Waves(OnnxValue input)
    {
        var tensor = Tensor.Empty(Shape.Create([.. input.Dims!.Select(dim => (int)(dim.Value ?? 1))]));
        var i = 0;
        foreach (ref var value in tensor.AsSpan<float>())
            value = (float)Math.Sin(i++);
        return tensor;
    }
}
