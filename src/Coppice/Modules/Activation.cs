using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Modules;

/// <summary>An element-wise function as a layer, chosen by the name Hugging Face configurations use.</summary>
public sealed class Activation : Layer
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Functions = new()
    {
        ["gelu"] = x => x.Gelu(GeluKind.Erf),
        ["gelu_new"] = x => x.Gelu(GeluKind.Tanh),
        ["gelu_fast"] = x => x.Gelu(GeluKind.Tanh),
        ["gelu_pytorch_tanh"] = x => x.Gelu(GeluKind.Tanh),
        ["quick_gelu"] = x => x.Gelu(GeluKind.Quick),
        ["relu"] = x => x.Relu(),
        ["tanh"] = x => x.Tanh(),
        ["sigmoid"] = x => x.Sigmoid(),
        ["silu"] = x => x.Silu(),
        ["swish"] = x => x.Silu(),
    };

    private readonly Func<Tensor, Tensor> _function;

    /// <summary>The function of that name, such as <c>gelu_new</c>.</summary>
    /// <exception cref="NotSupportedException">The name is unknown; the message lists the known ones.</exception>
    public Activation(string name) => _function = Functions.TryGetValue(name, out var function)
        ? function
        : throw new NotSupportedException($"There is no activation '{name}'; known are {string.Join(", ", Functions.Keys)}.");

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => _function(input);
}
