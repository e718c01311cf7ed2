using Coppice.Models;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Evaluation.Sensitivity;

/// <summary>Measures a model from some stage on, over states that were computed once: stage 0 embeds, stage i runs block
/// i - 1.</summary>
/// <remarks>Holds the hidden states of one stage boundary for all batches: F32 [batch, steps, width] each.</remarks>
internal sealed class BlockRunner
{
    private readonly IBlockModel _model;
    private readonly IQualityMeasure _measure;
    private readonly Action _onStage;
    private readonly Dictionary<Parameter, int> _blockOf = [];
    private readonly (Tensor Ids, Tensor? Mask)[] _inputs;
    private readonly Tensor[] _states;

    /// <param name="model">The model.</param>
    /// <param name="measure">What it is measured by.</param>
    /// <param name="onStage">Called after each stage of each batch.</param>
    public BlockRunner(IBlockModel model, IQualityMeasure measure, Action onStage)
    {
        (_model, _measure, _onStage) = (model, measure, onStage);
        _inputs = [.. Enumerable.Range(0, measure.Batches).Select(measure.Input)];
        _states = new Tensor[_inputs.Length];
        foreach (var (index, block) in model.Blocks.Index())
            foreach (var (_, parameter) in block.NamedParameters())
                _blockOf.TryAdd(parameter, index);
    }

    /// <summary>Number of stages before the model's end.</summary>
    public int StageCount => _model.Blocks.Count + 1;

    /// <summary>The stage that the cached states enter.</summary>
    public int Stage { get; private set; }

    /// <summary>The first stage that some weights act in; 0 for weights outside the blocks, which may be tied to the embedding.</summary>
    public int FirstStage(IEnumerable<Parameter> weights) =>
        weights.Min(weight => _blockOf.TryGetValue(weight, out var block) ? block + 1 : 0);

    /// <summary>Stages of all batches that a measurement takes from a stage on.</summary>
    public long Cost(int stage) => (long)(StageCount - stage + 1) * _states.Length;

    /// <summary>Quality with the weights as they are now.</summary>
    public double Measure(CancellationToken cancellation) => _measure.Measure(Run, cancellation);

    /// <summary>Runs the next stage on every batch with the weights as they are now.</summary>
    public void Advance(CancellationToken cancellation)
    {
        for (var batch = 0; batch < _states.Length; batch++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var next = RunStage(Stage, batch, _states[batch]);
            if (Stage == 0)
                _states[batch] = TensorScope.Detach(next.Contiguous());
            else
                _states[batch].CopyFrom(next);
        }
        Stage++;
    }

    private Tensor Run(int batch)
    {
        var state = _states[batch];
        for (var stage = Stage; stage < StageCount; stage++)
            state = RunStage(stage, batch, state);
        var logits = _model.Finish(state);
        _onStage();
        return logits;
    }

    private Tensor RunStage(int stage, int batch, Tensor state)
    {
        var next = stage == 0 ? _model.Embed(_inputs[batch].Ids) : _model.RunBlock(stage - 1, state, _inputs[batch].Mask);
        _onStage();
        return next;
    }
}
