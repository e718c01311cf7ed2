using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Training.Distillation;

/// <summary>Gives its parameter out, whatever comes in.</summary>
internal sealed class Constant : Layer
{
    private readonly Parameter _value;

    public Constant(Tensor value) => _value = Register("value", new Parameter(value));

    protected override Tensor Compute(Tensor input) => _value.Value;
}

/// <summary>Attention whose queries and keys are parameters.</summary>
internal sealed class ConstantAttention : Module, ISelfAttention
{
    private readonly Parameter _queries;
    private readonly Parameter _keys;

    public ConstantAttention(Tensor queries, Tensor keys, bool isCausal)
    {
        _queries = Register("queries", new Parameter(queries));
        _keys = Register("keys", new Parameter(keys));
        IsCausal = isCausal;
    }

    public float Scale => 1 / MathF.Sqrt(_queries.Shape[3]);

    public bool IsCausal { get; }

    public void Forward()
    {
        Observed(_queries.Value, ObservationPoint.Queries);
        Observed(_keys.Value, ObservationPoint.Keys);
    }
}

/// <summary>Logits beside a part that only observers see.</summary>
internal sealed class TwoParts : Module
{
    private readonly Constant _logits;
    private readonly Module? _part;

    public TwoParts(Tensor logits, Module? part = null)
    {
        _logits = Register("logits", new Constant(logits));
        _part = part is null ? null : Register("part", part);
    }

    public Tensor Forward(Tensor input)
    {
        (_part as Layer)?.Forward(input);
        (_part as ConstantAttention)?.Forward();
        return Observed(_logits.Forward(input));
    }
}
