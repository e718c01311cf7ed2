using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Autograd;

public sealed class TapeTests
{
    private readonly Tensor _x = Tensor.From<float>([1, 2, 3], [3]);

    [Fact]
    public void Backward_SeveralUsesOfOneTensor_AddUp()
    {
        using var tape = new Tape();
        tape.Watch(_x);
        var gradients = tape.Backward(_x.Add(_x).Multiply(_x).Sum());
        Assert.Equal([4, 8, 12], gradients[_x].ToArray<float>());
    }

    [Fact]
    public void Backward_ResidualChain_MatchesTheFormula()
    {
        using var tape = new Tape();
        tape.Watch(_x);
        var y = _x;
        for (var i = 0; i < 5; i++)
            y = y.Add(y.Multiply(y));
        var gradient = tape.Backward(y.Sum())[_x].ToArray<float>();
        Assert.Equal(Derivative(1), gradient[0], 1e-6 * Derivative(1));

        static double Derivative(double x)
        {
            var product = 1.0;
            for (var i = 0; i < 5; i++, x += x * x)
                product *= 1 + 2 * x;
            return product;
        }
    }

    [Fact]
    public void Backward_LeafThatTheLossDoesNotReach_IsAbsent()
    {
        using var tape = new Tape();
        var other = Tensor.Zeros([2]);
        tape.Watch(_x);
        tape.Watch(other);
        Assert.Equal([_x], tape.Backward(_x.Sum()).Keys);
    }

    [Fact]
    public void Backward_TwoReceivers_OwnTheirGradients()
    {
        var other = Tensor.Zeros([3]);
        Tensor? first = null, second = null;
        using (var tape = new Tape())
        {
            tape.Watch(_x, gradient => first = gradient);
            tape.Watch(other, gradient => second = gradient);
            Assert.Empty(tape.Backward(_x.Add(other).Sum()));
        }
        first!.AddInPlace(first);
        Assert.Equal([2, 2, 2], first.ToArray<float>());
        Assert.Equal([1, 1, 1], second!.ToArray<float>());
    }

    [Fact]
    public void Backward_WatchedIntermediate_GetsItsGradientToo()
    {
        using var tape = new Tape();
        tape.Watch(_x);
        var square = _x.Multiply(_x);
        tape.Watch(square);
        var gradients = tape.Backward(square.Multiply(square).Sum());
        Assert.Equal([2, 8, 18], gradients[square].ToArray<float>());
        Assert.Equal([4, 32, 108], gradients[_x].ToArray<float>());
    }

    [Fact]
    public void Backward_IntermediatesOfInnerScopes_AreStillThere()
    {
        using var tape = new Tape();
        tape.Watch(_x);
        Tensor y;
        using (var scope = new TensorScope())
            y = scope.Keep(_x.Multiply(_x).Multiply(_x).Sum());
        Assert.Equal([3, 12, 27], tape.Backward(y)[_x].ToArray<float>());
    }

    [Fact]
    public void Gradients_AfterDispose_Live()
    {
        IReadOnlyDictionary<Tensor, Tensor> gradients;
        Tensor y;
        using (new TensorScope())
        using (var tape = new Tape())
        {
            tape.Watch(_x);
            y = _x.Multiply(_x);
            gradients = tape.Backward(y.Sum());
        }
        Assert.Equal([2, 4, 6], gradients[_x].ToArray<float>());
        Assert.Throws<ObjectDisposedException>(() => y.ToArray<float>());
    }

    [Fact]
    public void Pause_OpsInside_GiveNoGradient()
    {
        using var tape = new Tape();
        tape.Watch(_x);
        Tensor constant;
        using (Tape.Pause())
        {
            Assert.Null(Tape.Current);
            constant = _x.Multiply(_x);
        }
        Assert.Same(tape, Tape.Current);
        Assert.Equal([1, 4, 9], tape.Backward(constant.Multiply(_x).Sum())[_x].ToArray<float>());
    }

    [Fact]
    public void OnGradient_SeesTheWholeGradientAndReplacesIt()
    {
        using var tape = new Tape();
        tape.Watch(_x);
        var square = _x.Multiply(_x);
        float[]? seen = null;
        tape.OnGradient(square, gradient =>
        {
            seen = gradient.ToArray<float>();
            return null;
        });
        tape.OnGradient(square, gradient => gradient.Multiply(Tensor.Full([], 10)));
        tape.OnGradient(_x, gradient => gradient.Add(Tensor.Full([], 1)));
        Assert.Equal([41, 81, 121], tape.Backward(square.Add(square).Sum())[_x].ToArray<float>());
        Assert.Equal([2, 2, 2], seen!);
    }

    [Fact]
    public void OnGradient_ReplacementOfAnotherShape_IsRefused()
    {
        using var tape = new Tape();
        tape.Watch(_x);
        tape.OnGradient(_x, _ => Tensor.Zeros([2]));
        var error = Assert.Throws<InvalidOperationException>(() => tape.Backward(_x.Sum()));
        Assert.Contains("F32 [3]", error.Message);
        Assert.Contains("F32 [2]", error.Message);
    }

    [Fact]
    public void Backward_InputWrittenSince_NamesTheOp()
    {
        using var tape = new Tape();
        tape.Watch(_x);
        var loss = _x.Multiply(_x).Sum();
        _x.AsSpan<float>()[0] = 5;
        var error = Assert.Throws<InvalidOperationException>(() => tape.Backward(loss));
        Assert.StartsWith("Multiply(F32 [3], F32 [3]): input 0", error.Message);
    }

    [Fact]
    public void Backward_LossOfSeveralElements_SaysWhatToDo()
    {
        using var tape = new Tape();
        tape.Watch(_x);
        Assert.Contains("F32 [3]: take Sum or Mean first", Assert.Throws<ArgumentException>(() => tape.Backward(_x.Relu())).Message);
        Assert.Throws<ArgumentException>(() => tape.Backward(Tensor.Zeros([])));
        Assert.Throws<ArgumentException>(() => tape.Watch(Tensor.Zeros([1], DType.I64)));
        Assert.Throws<ArgumentException>(() => tape.OnGradient(Tensor.Zeros([1]), gradient => gradient));
    }

    [Fact]
    public void DetectsNonFinite_ForwardAndBackward_NamesTheOp()
    {
        using var tape = new Tape { DetectsNonFinite = true };
        tape.Watch(_x);
        var forward = Assert.Throws<OpException>(() => _x.Multiply(Tensor.Full([3], float.PositiveInfinity)));
        Assert.StartsWith("Multiply(F32 [3], F32 [3]): its output", forward.Message);
        var backward = Assert.Throws<OpException>(() => tape.Backward(_x.Gelu(), Tensor.Full([3], float.NaN)));
        Assert.StartsWith("Gelu(F32 [3]): the gradient to input 0", backward.Message);
    }

    [Fact]
    public void DetectsNonFinite_InACheckpointedStretch_NamesTheOpInside()
    {
        using var tape = new Tape { DetectsNonFinite = true };
        tape.Watch(_x);
        var error = Assert.Throws<OpException>(
            () => Checkpointing.Run(x => x[0].Multiply(Tensor.Full([3], float.PositiveInfinity)).Tanh(), _x));
        Assert.StartsWith("Multiply(F32 [3], F32 [3]): its output", error.Message);
    }

    [Fact]
    public void Attention_GradientToItsMask_IsRefused()
    {
        var mask = Tensor.Zeros([1, 1, 1, 2]);
        var q = Numbers.Random([1, 1, 2, 4]);
        using var tape = new Tape();
        tape.Watch(mask);
        var y = q.Attention(q, q, mask: mask);
        Assert.Throws<NotSupportedException>(() => tape.Backward(y.Reshape(8).Sum()));
    }

    [Fact]
    public void Dispose_OuterTapeFirst_IsRefused()
    {
        using var outer = new Tape();
        using var inner = new Tape();
        Assert.Throws<InvalidOperationException>(outer.Dispose);
    }

    [Fact]
    public void Checkpointing_ParametersAndInputs_GetTheSameGradients()
    {
        var weight = Numbers.Random([3, 3], 5, 1);
        Assert.Equal(Run(body => body([_x])), Run(body => Checkpointing.Run(body, _x)));

        float[][] Run(Func<Func<Tensor[], Tensor>, Tensor> run)
        {
            var received = new List<float[]>();
            using var tape = new Tape();
            tape.Watch(_x);
            var loss = run(x =>
            {
                Tape.Current?.Watch(weight, gradient => received.Add(gradient.ToArray<float>()));
                return x[0].Linear(weight).Gelu().Linear(weight);
            }).Multiply(_x).Sum();
            return [tape.Backward(loss)[_x].ToArray<float>(), received.Single()];
        }
    }

    [Fact]
    public void Checkpointing_KeepsNothingInside()
    {
        var inside = new List<Tensor>();
        using var tape = new Tape();
        tape.Watch(_x);
        var y = Checkpointing.Run(x =>
        {
            inside.Add(x[0].Gelu());
            return inside[^1].Tanh();
        }, _x);
        Assert.Throws<ObjectDisposedException>(() => inside[0].ToArray<float>());
        tape.Backward(y.Sum());
        Assert.Equal(2, inside.Count);
    }
}
