using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>Layer normalisation over the last axis with weight and bias (Ba et al., 2016), as torch.nn.LayerNorm.</summary>
public sealed class LayerNorm : Layer
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private readonly float _epsilon;

    /// <summary>Weight one, bias zero.</summary>
    public LayerNorm(int width, float epsilon = 1e-5f)
    {
        _weight = Register("weight", new Parameter(Tensor.Full([width], 1)));
        _bias = Register("bias", new Parameter(Tensor.Zeros([width])));
        _epsilon = epsilon;
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => input.LayerNorm(_weight.Value, _bias.Value, _epsilon);
}
