using Coppice.Checkpoints;
using Coppice.Onnx.Wire;
using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>A sequence or an optional value in a file of its own; both number their fields alike.</summary>
internal sealed class SequenceProto : IWireMessage
{
    private readonly UnknownFields _unknown = new();

    private readonly List<TensorProto> _tensors = [];

    private readonly List<SequenceProto> _sequences = [];

    UnknownFields IWireMessage.Unknown => _unknown;

    /// <summary>What stands for it as a sequence.</summary>
    public Tensor ToSequence() => OnnxSequence.Of([.. _tensors.Select(tensor => tensor.Source().ToTensor())]);

    /// <summary>What it holds as an optional value.</summary>
    public Tensor ToOptional() => _tensors.Count > 0 ? _tensors[0].Source().ToTensor()
        : _sequences.Count > 0 ? _sequences[0].ToSequence() : OnnxSequence.Nothing();

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 3: _tensors.Add(reader.Message<TensorProto>()); return true;
            case 5: _sequences.Add(reader.Message<SequenceProto>()); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Messages(3, _tensors);
        writer.Messages(5, _sequences);
        _unknown.Write(writer);
    }
}
