namespace Coppice.Tensors.Tests.Autograd;

/// <summary>A function whose gradients are checked.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Function">From F32 inputs to one F32 output.</param>
/// <param name="Inputs">Where it is evaluated; all of them are differentiated.</param>
public sealed record GradientCase(string Name, Func<Tensor[], Tensor> Function, params Tensor[] Inputs)
{
    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
