using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Kernels.Reference;

/// <summary>Activation functions of one value, as defined, in double.</summary>
internal static class ActivationReference
{
    /// <summary><c>max(x, 0)</c>; NaN stays.</summary>
    public static double Relu(double x) => Math.Max(x, 0);

    /// <summary><c>1 / (1 + e^-x)</c>.</summary>
    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary><c>x sigmoid(x)</c>.</summary>
    public static double Silu(double x) => x * Sigmoid(x);

    /// <summary>The three forms that <see cref="GeluKind"/> defines.</summary>
    public static double Gelu(double x, GeluKind kind) => kind switch
    {
        GeluKind.Erf => x / 2 * (1 + Erf(x / Math.Sqrt(2))),
        GeluKind.Tanh => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
        _ => x * Sigmoid(1.702 * x),
    };

    /// <summary><c>erf x = 2/sqrt(pi) e^(-x^2) * sum over n of 2^n x^(2n+1) / (1 * 3 * ... * (2n+1))</c>.</summary>
    /// <remarks>All terms have one sign, so nothing cancels.</remarks>
    public static double Erf(double x)
    {
        if (Math.Abs(x) > 6)
            return Math.Sign(x); // within 2e-17
        var (term, sum) = (x, x);
        for (var n = 1; n < 200; n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
