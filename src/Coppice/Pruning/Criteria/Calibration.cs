using Coppice.Data;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Masks;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Training;

namespace Coppice.Pruning.Criteria;

/// <summary>Runs a model forward and backward over a few batches and sums what a criterion needs; nothing of the model changes.</summary>
/// <remarks>In evaluation mode: batch normalisation uses and keeps its running statistics, dropout is off. Masks stay in force, so what is
/// masked has gradient 0. The loss is the cross-entropy of the batch's targets, in its mean. Gradients that parameters held are
/// forgotten.</remarks>
/// <param name="task">The model and how its logits come about.</param>
/// <param name="data">Where batches come from: the first ones of epoch 0.</param>
/// <param name="batches">How many, at least 1; all where there are fewer.</param>
public sealed class Calibration(TrainingTask task, DataLoader data, int batches)
{
    /// <summary>Gathers what is needed.</summary>
    /// <exception cref="PruningException">A loss is not finite, or a weight's layer has no outputs to look at.</exception>
    public IReadOnlyList<WeightStatistics> Gather(IReadOnlyList<LiveWeight> weights, CriterionNeeds needs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 1);
        if (needs.HasFlag(CriterionNeeds.Movement))
            throw new PruningException("Movement is gathered while a model trains: give the criterion to a GradualPruning callback.");
        var statistics = weights.Select(weight => Empty(weight, needs)).ToList();
        if (needs == CriterionNeeds.None)
            return statistics;
        var wasTraining = task.Module.IsTraining;
        var parameters = task.Module.NamedParameters().Select(entry => (entry.Parameter, entry.Parameter.RequiresGradient)).ToList();
        var hooks = new List<IDisposable>();
        try
        {
            task.Module.Train(false);
            foreach (var (parameter, _) in parameters)
                parameter.RequiresGradient = weights.Any(weight => weight.Parameter == parameter);
            if (needs.HasFlag(CriterionNeeds.OutputGradients))
                hooks.AddRange(statistics.Select(WatchOutput));
            CalibrationGradients.ForEach(task, data, batches, () => Add(statistics, needs));
        }
        finally
        {
            hooks.ForEach(hook => hook.Dispose());
            foreach (var (parameter, requiredGradient) in parameters)
            {
                parameter.ZeroGradient();
                parameter.RequiresGradient = requiredGradient;
            }
            task.Module.Train(wasTraining);
        }
        return statistics;
    }

    private static WeightStatistics Empty(LiveWeight weight, CriterionNeeds needs) => new(weight)
    {
        Gradients = needs.HasFlag(CriterionNeeds.Gradients) ? Tensor.Zeros(weight.Parameter.Shape) : null,
        SquaredGradients = needs.HasFlag(CriterionNeeds.SquaredGradients) ? Tensor.Zeros(weight.Parameter.Shape) : null,
        OutputGradients = needs.HasFlag(CriterionNeeds.OutputGradients) ? new double[weight.Outputs] : null,
    };

    private static void Add(List<WeightStatistics> statistics, CriterionNeeds needs)
    {
        foreach (var weight in statistics)
        {
            weight.Batches++;
            if (weight.Weight.Parameter.Gradient is not { } gradient)
                continue;
            if (needs.HasFlag(CriterionNeeds.Gradients))
                weight.Gradients.AddInPlace(gradient);
            if (needs.HasFlag(CriterionNeeds.SquaredGradients))
                AddSquares(gradient.AsReadOnlySpan<float>(), weight.SquaredGradients.AsSpan<float>());
            weight.Weight.Parameter.ZeroGradient();
        }
    }

    private static void AddSquares(ReadOnlySpan<float> values, Span<float> sums)
    {
        for (var i = 0; i < sums.Length; i++)
            sums[i] += values[i] * values[i];
    }

    /// <summary>Sums up what flows back to a layer's output.</summary>
    private static IDisposable WatchOutput(WeightStatistics weight)
    {
        if (weight.Weight.Module is not (Conv2d or Linear or Conv1D))
            throw new PruningException($"'{weight.Weight.FullName}' belongs to a {weight.Weight.Module.GetType().Name}, "
                + "not to a convolution or linear layer, so it has no output channels; exclude it.");
        var layer = (Layer)weight.Weight.Module;
        return layer.RegisterForwardHook((_, output) =>
        {
            Tape.Current?.OnGradient(output, gradient =>
            {
                AddMagnitudes(gradient.Contiguous(), layer is Conv2d ? 1 : gradient.Shape.Rank - 1, weight.OutputGradients);
                return null;
            });
            return output;
        });
    }

    private static void AddMagnitudes(Tensor gradient, int axis, double[] sums)
    {
        var values = gradient.AsReadOnlySpan<float>();
        var channels = new Channels(gradient.Shape, axis);
        var ofBatch = new double[sums.Length];
        for (var i = 0; i < values.Length; i++)
            ofBatch[channels.Of(i)] += Math.Abs(values[i]);
        for (var c = 0; c < sums.Length; c++)
            sums[c] += ofBatch[c] * sums.Length / values.Length;
        GC.KeepAlive(gradient);
    }
}
