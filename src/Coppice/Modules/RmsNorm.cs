using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>Root mean square normalisation over the last axis with a weight (Zhang and Sennrich, 2019), as Hugging Face's LlamaRMSNorm.</summary>
public sealed class RmsNorm : Layer
{
    private readonly Parameter _weight;
    private readonly float _epsilon;

    /// <summary>Weight one.</summary>
    public RmsNorm(int width, float epsilon = 1e-6f)
    {
        _weight = Register("weight", new Parameter(Tensor.Full([width], 1)));
        _epsilon = epsilon;
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => input.RmsNorm(_weight.Value, _epsilon);
}
