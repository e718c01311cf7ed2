using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Modules;

/// <summary>y = x·Wᵀ + b with weight [out, in] and optional bias [out], as torch.nn.Linear.</summary>
public sealed class Linear : Layer
{
    private readonly Parameter _weight;
    private readonly Parameter? _bias;

    /// <summary>A layer of zeros, to be loaded or initialised.</summary>
    public Linear(int inFeatures, int outFeatures, bool bias = true)
        : this(new Parameter(Tensor.Zeros([outFeatures, inFeatures])), bias ? new Parameter(Tensor.Zeros([outFeatures])) : null)
    {
    }

    /// <summary>A layer over given parameters; pass another module's parameter to tie them.</summary>
    public Linear(Parameter weight, Parameter? bias = null)
    {
        _weight = Register("weight", weight);
        _bias = Register("bias", bias);
    }

    /// <summary>Input width, read from the weight.</summary>
    public int InFeatures => _weight.Shape[1];

    /// <summary>Output width, read from the weight.</summary>
    public int OutFeatures => _weight.Shape[0];

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => input.Linear(_weight.Value, _bias?.Value, WeightLayout.OutIn);
}

/// <summary>y = x·W + b with weight [in, out] and bias [out]: Hugging Face's Conv1D, the linear layer of GPT-2.</summary>
public sealed class Conv1D : Layer
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;

    /// <summary>A layer of zeros, to be loaded or initialised.</summary>
    public Conv1D(int inFeatures, int outFeatures)
    {
        _weight = Register("weight", new Parameter(Tensor.Zeros([inFeatures, outFeatures])));
        _bias = Register("bias", new Parameter(Tensor.Zeros([outFeatures])));
    }

    /// <summary>Input width, read from the weight.</summary>
    public int InFeatures => _weight.Shape[0];

    /// <summary>Output width, read from the weight.</summary>
    public int OutFeatures => _weight.Shape[1];

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => input.Linear(_weight.Value, _bias.Value, WeightLayout.InOut);
}
