using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;
using Coppice.Tensors.Tests.Autograd;

namespace Coppice.Bench;

/// <summary>What each case that tests check the gradient of takes. Their tensors are small: this shows what an op costs beyond its kernel.</summary>
internal static class OpBenchmark
{
    private const int Rounds = 5;

    public static void Run(Report report)
    {
        Workers.ThreadCount = 1;
        report.Line("\nThe cases of tests/Coppice.Tensors.Tests/Autograd, one thread, microseconds a call: forward, and forward on a tape with the gradients "
            + $"of all inputs. Medians of {Rounds}.");
        report.Header("case", "forward", "with gradients", "ratio");
        foreach (var test in GradientCases.All)
        {
            var ones = Tensor.Full(test.Function(test.Inputs).Shape, 1);
            var times = Measure.Medians(Rounds, () => Forward(test), () => Backward(test, ones));
            report.Row(test.Name, $"{times[0] * 1e6:f1}", $"{times[1] * 1e6:f1}", $"{times[1] / times[0]:f1}");
        }
    }

    private static void Forward(GradientCase test)
    {
        using var scope = new TensorScope();
        test.Function(test.Inputs);
    }

    private static void Backward(GradientCase test, Tensor gradient)
    {
        using var scope = new TensorScope();
        using var tape = new Tape();
        foreach (var input in test.Inputs)
            tape.Watch(input);
        tape.Backward(test.Function(test.Inputs), gradient);
    }
}
