using Coppice.Data;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Pruning.Dependency;

/// <summary>First and second derivatives of a model's loss by each of its parameters, on calibration data.</summary>
/// <remarks>The model runs in the mode it is in; gradients that its parameters held are forgotten, values stay.</remarks>
public sealed class LossDerivatives
{
    // Of a probe of +-1 an entry; rounding of F32 gradients and the third derivative err about alike there.
    private const float Step = 1e-3f;

    private readonly Dictionary<Parameter, float[]> _gradients = [];
    private readonly Dictionary<Parameter, float[]> _curvatures = [];

    private LossDerivatives()
    {
    }

    /// <summary>With the diagonal of the empirical Fisher matrix as second derivatives: the mean over batches of the square of the gradient of a
    /// batch's mean loss. Of batches of one example it is the Fisher matrix of examples.</summary>
    /// <param name="task">The model and how its logits come about.</param>
    /// <param name="data">Where batches come from: the first ones of epoch 0.</param>
    /// <param name="batches">How many, at least 1; all where there are fewer.</param>
    /// <exception cref="PruningException">A loss is not finite.</exception>
    public static LossDerivatives Fisher(TrainingTask task, DataLoader data, int batches)
    {
        var derivatives = new LossDerivatives();
        var count = CalibrationGradients.ForEach(task, data, batches, () =>
        {
            foreach (var (parameter, gradient) in GradientsOf(task.Module))
            {
                Add(derivatives._gradients, parameter, gradient.Length, i => gradient[i]);
                Add(derivatives._curvatures, parameter, gradient.Length, i => gradient[i] * gradient[i]);
                parameter.ZeroGradient();
            }
        });
        return derivatives.DividedBy(count, count);
    }

    /// <summary>With an estimate of the Hessian's diagonal: the mean over probes v of random signs of v times H v (Hutchinson 1990; Bekas et al.
    /// 2007), H v being a central difference of gradients.</summary>
    /// <param name="task">The model and how its logits come about.</param>
    /// <param name="data">Where batches come from: the first ones of epoch 0.</param>
    /// <param name="batches">How many, at least 1; all where there are fewer.</param>
    /// <param name="probes">How many, at least 1: each runs all batches twice.</param>
    /// <param name="seed">Start of the draws.</param>
    /// <exception cref="PruningException">A loss is not finite.</exception>
    public static LossDerivatives Hessian(TrainingTask task, DataLoader data, int batches, int probes, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(probes, 1);
        var (derivatives, random) = (new LossDerivatives(), new RandomSource(seed));
        var count = CalibrationGradients.ForEach(task, data, batches, () => { });
        foreach (var (parameter, gradient) in GradientsOf(task.Module))
            Add(derivatives._gradients, parameter, gradient.Length, i => gradient[i]);
        for (var probe = 0; probe < probes; probe++)
            derivatives.AddProbe(task, data, batches, random);
        return derivatives.DividedBy(count, 2 * Step * probes * count);
    }

    /// <summary>The mean gradient of a parameter, row by row; null where none came to it.</summary>
    internal float[]? Gradient(Parameter parameter) => _gradients.GetValueOrDefault(parameter);

    /// <summary>The second derivatives of a parameter's entries, row by row; null where no gradient came to it.</summary>
    internal float[]? Curvature(Parameter parameter) => _curvatures.GetValueOrDefault(parameter);

    private void AddProbe(TrainingTask task, DataLoader data, int batches, RandomSource random)
    {
        var signs = new Dictionary<Parameter, float[]>();
        var values = new Dictionary<Parameter, float[]>();
        foreach (var parameter in _gradients.Keys)
        {
            values[parameter] = parameter.Data.ToArray<float>();
            signs[parameter] = [.. values[parameter].Select(_ => random.NextUInt32() % 2 == 0 ? -1f : 1f)];
        }
        try
        {
            foreach (var side in new[] { 1, -1 })
            {
                foreach (var (parameter, before) in values)
                    parameter.Data.CopyFrom(Tensor.From<float>([.. before.Zip(signs[parameter], (value, sign) => value + side * Step * sign)],
                        parameter.Shape));
                CalibrationGradients.ForEach(task, data, batches, () => { });
                foreach (var (parameter, gradient) in GradientsOf(task.Module))
                    Add(_curvatures, parameter, gradient.Length, i => side * signs[parameter][i] * gradient[i]);
            }
        }
        finally
        {
            foreach (var (parameter, before) in values)
                parameter.Data.CopyFrom(Tensor.From<float>(before, parameter.Shape));
        }
    }

    private LossDerivatives DividedBy(float gradients, float curvatures)
    {
        foreach (var (sums, divisor) in new[] { (_gradients, gradients), (_curvatures, curvatures) })
            foreach (var values in sums.Values)
                for (var i = 0; i < values.Length; i++)
                    values[i] /= divisor;
        return this;
    }

    private static IEnumerable<(Parameter Parameter, float[] Gradient)> GradientsOf(Module module) =>
        module.NamedParameters().Where(entry => entry.Parameter.Gradient is not null)
            .Select(entry => (entry.Parameter, entry.Parameter.Gradient!.ToArray<float>()));

    private static void Add(Dictionary<Parameter, float[]> sums, Parameter parameter, int count, Func<int, float> value)
    {
        if (!sums.TryGetValue(parameter, out var sum))
            sums.Add(parameter, sum = new float[count]);
        for (var i = 0; i < count; i++)
            sum[i] += value(i);
    }
}
