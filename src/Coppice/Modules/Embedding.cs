using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>Rows of a table [entries, width] by I64 ids of any shape: output [..., width], as torch.nn.Embedding.</summary>
public sealed class Embedding : Layer
{
    /// <summary>A table of zeros, to be loaded or initialised.</summary>
    public Embedding(int entries, int width) => Weight = Register("weight", new Parameter(Tensor.Zeros([entries, width])));

    /// <summary>The table; give it to a <see cref="Linear"/> to tie an output layer to it.</summary>
    public Parameter Weight { get; }

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => Weight.Value.Embedding(input);
}
