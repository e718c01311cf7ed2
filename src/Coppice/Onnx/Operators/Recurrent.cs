using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Recurrent layers: Elman's, the long short-term memory and the gated recurrent unit, in one or two directions.</summary>
internal static class Recurrent
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["RNN"] = call => call.InSingle(typed => Run(typed, 1, Elman)),
        ["GRU"] = call => call.InSingle(typed => Run(typed, 3, Gated)),
        ["LSTM"] = call => call.InSingle(typed => Run(typed, 4, LongShort)),
    };

    private delegate (Tensor Hidden, Tensor? Cell) Step(Cell cell, Tensor input, Tensor hidden, Tensor? state);

    /// <summary>
    /// X [T, B, I], W [D, gates H, I], R [D, gates H, H], biases [D, 2 gates H], lengths [B], initial states [D, B, H], peepholes [D, 3 H]
    /// -> Y [T, D, B, H] and the last states [D, B, H].
    /// </summary>
    private static Tensor?[] Run(OperatorCall call, int gates, Step step)
    {
        var batchFirst = call.Flag("layout");
        var x = batchFirst ? call[0].Transpose(0, 1) : call[0];
        var direction = call.Text("direction", "forward");
        var count = direction == "bidirectional" ? 2 : 1;
        var (outputs, hiddens, cells) = (new Tensor[count], new Tensor[count], new Tensor?[count]);
        for (var d = 0; d < count; d++)
        {
            var reverse = direction == "reverse" || d == 1;
            (outputs[d], hiddens[d], cells[d]) = Direction(new Cell(call, d, gates, batchFirst), x, reverse, step);
        }
        var y = Tensor.Concat(1, [.. outputs.Select(output => output.Unsqueeze(1))]);       // [T, D, B, H]
        var last = Tensor.Concat(0, [.. hiddens.Select(hidden => hidden.Unsqueeze(0))]);    // [D, B, H]
        var memory = cells[0] is null ? null : Tensor.Concat(0, [.. cells.Select(cell => cell!.Unsqueeze(0))]);
        return batchFirst ? [y.Permute(2, 0, 1, 3), last.Transpose(0, 1), memory?.Transpose(0, 1)] : [y, last, memory];
    }

    private static (Tensor Outputs, Tensor Hidden, Tensor? State) Direction(Cell cell, Tensor x, bool reverse, Step step)
    {
        var steps = x.Shape[0];
        var inputs = x.Linear(cell.InputWeight, cell.InputBias);                            // [T, B, gates H]
        var (hidden, state) = (cell.InitialHidden(x.Shape[1]), cell.InitialState(x.Shape[1]));
        var outputs = new Tensor[steps];
        for (var i = 0; i < steps; i++)
        {
            var t = reverse ? steps - 1 - i : i;
            var (next, memory) = step(cell, inputs.Narrow(0, t, 1).Squeeze(0), hidden, state);
            if (cell.Lengths is { } lengths)
            {
                // Behind its end a sequence keeps its state, and its outputs are zero.
                var inside = Tensor.From<bool>([.. lengths.Select(length => t < length)], [lengths.Length, 1]);
                outputs[t] = Tensor.Where(inside, next, Constant(0));
                (next, memory) = (Tensor.Where(inside, next, hidden), memory is null ? null : Tensor.Where(inside, memory, state!));
            }
            else
                outputs[t] = next;
            (hidden, state) = (next, memory);
        }
        return (Tensor.Concat(0, [.. outputs.Select(output => output.Unsqueeze(0))]), hidden, state);
    }

    private static (Tensor, Tensor?) Elman(Cell cell, Tensor input, Tensor hidden, Tensor? state) =>
        (cell.Activation(0, input.Add(cell.Recur(hidden, 0, 1))), null);

    /// <summary>Cho et al. 2014. Gates in the order z, r, h.</summary>
    private static (Tensor, Tensor?) Gated(Cell cell, Tensor input, Tensor hidden, Tensor? state)
    {
        var gates = cell.Activation(0, input.Narrow(1, 0, 2 * cell.Size).Add(cell.Recur(hidden, 0, 2)));
        var (update, reset) = (gates.Narrow(1, 0, cell.Size), gates.Narrow(1, cell.Size, cell.Size));
        var recurrent = cell.ResetAfter ? reset.Multiply(cell.Recur(hidden, 2, 3)) : cell.Recur(reset.Multiply(hidden), 2, 3);
        var candidate = cell.Activation(1, input.Narrow(1, 2 * cell.Size, cell.Size).Add(recurrent));
        return (candidate.Add(update.Multiply(hidden.Subtract(candidate))), null);
    }

    /// <summary>Hochreiter and Schmidhuber 1997, with peepholes of Gers et al. 2002. Gates in the order i, o, f, c.</summary>
    private static (Tensor, Tensor?) LongShort(Cell cell, Tensor input, Tensor hidden, Tensor? state)
    {
        var gates = input.Add(cell.Recur(hidden, 0, 4));
        Tensor Gate(int index) => gates.Narrow(1, index * cell.Size, cell.Size);
        var enter = cell.Activation(0, cell.Peep(Gate(0), state!, 0));
        var forget = cell.InputForget ? Constant(1).Subtract(enter) : cell.Activation(0, cell.Peep(Gate(2), state!, 2));
        var memory = forget.Multiply(state!).Add(enter.Multiply(cell.Activation(1, Gate(3))));
        var leave = cell.Activation(0, cell.Peep(Gate(1), memory, 1));
        return (leave.Multiply(cell.Activation(2, memory)), memory);
    }

    /// <summary>Weights and functions of one direction.</summary>
    private sealed class Cell
    {
        private readonly Tensor _recurrentWeight;
        private readonly Tensor? _recurrentBias, _hidden, _state, _peepholes;
        private readonly float? _clip;
        private readonly Func<Tensor, Tensor>[] _functions;

        public Cell(OperatorCall call, int direction, int gates, bool batchFirst)
        {
            Tensor Part(Tensor all) => all.Narrow(0, direction, 1).Squeeze(0);
            InputWeight = Part(call[1]);
            _recurrentWeight = Part(call[2]);
            Size = _recurrentWeight.Shape[1];
            if (call.Optional(3) is { } biases)
            {
                InputBias = Part(biases).Narrow(0, 0, gates * Size);
                _recurrentBias = Part(biases).Narrow(0, gates * Size, gates * Size);
            }
            Lengths = call.Optional(4) is null ? null : call.Values(4);
            Tensor? State(int input) => call.Optional(input) is { } states ? Part(batchFirst ? states.Transpose(0, 1) : states) : null;
            (_hidden, _state) = (State(5), State(6));
            _peepholes = call.Optional(7) is { } peepholes ? Part(peepholes) : null;
            HasState = gates == 4;
            ResetAfter = call.Flag("linear_before_reset");
            InputForget = call.Flag("input_forget");
            _clip = call.Has("clip") ? call.Float("clip", 0) : null;
            _functions = FunctionsOf(call, direction, gates);
        }

        public int Size { get; }

        public Tensor InputWeight { get; }

        public Tensor? InputBias { get; }

        public long[]? Lengths { get; }

        public bool ResetAfter { get; }

        public bool InputForget { get; }

        private bool HasState { get; }

        public Tensor InitialHidden(int batch) => _hidden ?? Zeros(batch);

        public Tensor? InitialState(int batch) => HasState ? _state ?? Zeros(batch) : null;

        /// <summary>Made by an op, so that a graph knows how the sizes follow.</summary>
        private Tensor Zeros(int batch) => Constant(0).Expand([batch, Size]);

        /// <summary>What the hidden state adds to gates first up to end.</summary>
        public Tensor Recur(Tensor hidden, int first, int end)
        {
            var rows = (end - first) * Size;
            return hidden.Linear(_recurrentWeight.Narrow(0, first * Size, rows), _recurrentBias?.Narrow(0, first * Size, rows));
        }

        public Tensor Peep(Tensor gate, Tensor state, int index) =>
            _peepholes is null ? gate : gate.Add(_peepholes.Narrow(0, index * Size, Size).Multiply(state));

        public Tensor Activation(int index, Tensor x) => _functions[index](_clip is { } clip ? Apply(new Clip(-clip, clip), x) : x);

        private static Func<Tensor, Tensor>[] FunctionsOf(OperatorCall call, int direction, int gates)
        {
            var names = call.Node.Attribute("activations")?.Strings.Select(System.Text.Encoding.UTF8.GetString).ToArray();
            string[] usual = gates switch { 1 => ["Tanh"], 3 => ["Sigmoid", "Tanh"], _ => ["Sigmoid", "Tanh", "Tanh"] };
            names = names is null ? usual : names[(direction * usual.Length)..((direction + 1) * usual.Length)];
            if (call.Has("activation_alpha") || call.Has("activation_beta"))
                throw new NotSupportedException("activation_alpha and activation_beta are not supported");
            return [.. names.Select<string, Func<Tensor, Tensor>>(name => name.ToUpperInvariant() switch
            {
                "SIGMOID" => x => x.Sigmoid(),
                "TANH" => x => x.Tanh(),
                "RELU" => x => x.Relu(),
                _ => throw new NotSupportedException($"activation {name} is not supported"),
            })];
        }
    }
}
