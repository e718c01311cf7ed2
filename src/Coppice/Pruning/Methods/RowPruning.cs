using Coppice.Pruning.Importance;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Methods;

/// <summary>Prunes the weights of smallest magnitude of each output, the same amount of every one (the groups in which Wanda compares; Sun
/// et al., "A simple and effective pruning approach for large language models", 2023).</summary>
/// <remarks>
/// An output's weights are a row of Linear [out, in] and of a convolution [out, in * kh * kw], and a column of Hugging Face's Conv1D
/// [in, out]. Of equal magnitudes the lowest index is pruned first.
/// </remarks>
public sealed record RowPruning : PruningMethod
{
    /// <summary>Keys gathered at a time: few enough to stay in cache while columns are turned into rows.</summary>
    private const int CachedKeys = 1 << 15;

    /// <inheritdoc/>
    public override MethodOptions Options => new("l1", MethodOptions.Row);

    /// <inheritdoc/>
    public override IReadOnlyList<WeightMask> ComputeMasks(PruneTask task)
    {
        var targets = task.Weights.Select(weight => (Weight: weight, View: MatrixView.Of(weight, this))).ToList();
        var counts = targets.ConvertAll(target => (int)task.AmountOf(target.Weight)
            .Of(target.View.Inputs, $"weights in each of the {target.View.Outputs} outputs of '{target.Weight.Name}'"));
        return [.. targets.Select((target, i) => counts[i] == 0
            ? (WeightMask)new KeepAllMask(target.Weight.Source.DType, task.Semantics)
            : Mask(target.Weight, target.View, counts[i], task.Semantics))];
    }

    private static OutputMask Mask(SelectedWeight weight, MatrixView view, int count, PruneSemantics semantics)
    {
        var limits = new KeyLimit[view.Outputs];
        var step = Math.Max(1, CachedKeys / view.Inputs);
        Workers.For((view.Outputs + step - 1) / step, part =>
        {
            var (first, outputs) = (part * step, Math.Min(step, view.Outputs - part * step));
            var keys = Keys(weight, view, first, outputs);
            var sorted = new long[view.Inputs];
            for (var o = 0; o < outputs; o++)
            {
                keys.AsSpan(o * view.Inputs, view.Inputs).CopyTo(sorted);
                Array.Sort(sorted);
                limits[first + o] = Limit(keys.AsSpan(o * view.Inputs, view.Inputs), sorted, count);
            }
        });
        return new OutputMask(weight.Source.DType, semantics, view.Columns, view.InputMajor, limits);
    }

    /// <summary>Magnitudes as integers, [outputs, inputs].</summary>
    private static long[] Keys(SelectedWeight weight, MatrixView view, int first, int outputs)
    {
        var (source, size) = (weight.Source, weight.Source.DType.ByteSize());
        var keys = new long[outputs * view.Inputs];
        using var lease = TensorChunks.Rent();
        // Stored rows are outputs to be read whole, or inputs of which some columns are read.
        var (rows, width) = view.InputMajor ? (view.Inputs, outputs) : (outputs, view.Inputs);
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < width; column += TensorChunks.Length)
            {
                var count = Math.Min(TensorChunks.Length, width - column);
                var start = view.InputMajor ? (long)row * view.Columns + first + column : (long)(first + row) * view.Columns + column;
                var elements = source.Elements(start, count, lease.Buffer);
                for (var i = 0; i < count; i++)
                    keys[view.InputMajor ? (column + i) * view.Inputs + row : row * view.Inputs + column + i] =
                        MagnitudeKeys.Of(elements.Slice(i * size, size));
            }
        return keys;
    }

    /// <summary>The limit below which <paramref name="count"/> keys of an output lie; where its ties end is counted along the
    /// output.</summary>
    private static KeyLimit Limit(ReadOnlySpan<long> keys, long[] sorted, int count)
    {
        var key = sorted[count - 1];
        var ties = count - sorted.AsSpan().IndexOf(key);
        var end = 0;
        for (; ties > 0; end++)
            if (keys[end] == key)
                ties--;
        return new KeyLimit(key, end);
    }
}
