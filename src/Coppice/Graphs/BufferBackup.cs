using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Graphs;

/// <summary>Puts a model's buffers back as they were: batch normalisation in training changes them with every run.</summary>
internal sealed class BufferBackup : IDisposable
{
    private readonly List<(Tensor Buffer, int Version, Tensor Copy)> _copies = [];

    public BufferBackup(Module model)
    {
        foreach (var (_, module) in model.NamedModules())
            foreach (var buffer in module.Buffers.Values)
            {
                var copy = Tensor.Empty(buffer.Shape, buffer.DType);
                copy.CopyFrom(buffer);
                _copies.Add((buffer, buffer.Version, copy));
            }
    }

    public void Dispose()
    {
        foreach (var (buffer, version, copy) in _copies)
            if (buffer.Version != version)
                buffer.CopyFrom(copy);
    }
}
