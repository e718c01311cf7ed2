using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Autograd;

/// <summary>One op that ran, with what it read and wrote.</summary>
internal sealed class TapeEntry
{
    private readonly int[] _versions;

    public TapeEntry(Op op, ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        (Op, Inputs, Outputs) = (op, inputs.ToArray(), outputs.ToArray());
        _versions = Versions();
    }

    public Op Op { get; }

    public Tensor[] Inputs { get; }

    public Tensor[] Outputs { get; }

    /// <summary>The op's gradients, checked against the inputs.</summary>
    public Tensor?[] Backward(Tensor?[] outputGradients)
    {
        var now = Versions();
        for (var i = 0; i < now.Length; i++)
            if (now[i] != _versions[i])
                throw new InvalidOperationException(
                    $"{this}: {(i < Inputs.Length ? $"input {i}" : $"output {i - Inputs.Length}")} was opened for writing after the op "
                    + "ran, so its gradient would be wrong. Update tensors after Backward; read them with AsReadOnlySpan.");
        var gradients = Op.Backward(Inputs, Outputs, outputGradients);
        foreach (var tensor in Inputs)
            GC.KeepAlive(tensor); // kernels hold bare pointers
        if (gradients.Length != Inputs.Length)
            throw new OpException(
                $"{this}: Backward gave {gradients.Length} gradients for {Inputs.Length} inputs; give null where none flows.");
        for (var i = 0; i < gradients.Length; i++)
            if (gradients[i] is { } gradient && (gradient.Shape != Inputs[i].Shape || gradient.DType != Inputs[i].DType))
                throw new OpException(
                    $"{this}: Backward gave a gradient of {gradient} for input {i}, {Inputs[i]}; they must be alike.");
        return gradients;
    }

    public override string ToString() => $"{Op.Name}({string.Join(", ", (object[])Inputs)})";

    private int[] Versions() => [.. Inputs.Select(tensor => tensor.Version), .. Outputs.Select(tensor => tensor.Version)];
}
