using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

namespace Coppice.Recipes;

/// <summary>An ONNX file with the weights of a model: a smaller file comes of it.</summary>
internal sealed class OnnxCutModel : CutModel
{
    private readonly TemporaryFolder _folder = new();
    private readonly Module _model;
    private readonly OnnxPruning _pruning;
    private readonly OnnxImageClassifier _classifier;
    private StructuralPlan? _cut;

    /// <summary>Writes a model's weights into a file of its computation.</summary>
    /// <param name="model">The model.</param>
    /// <param name="write">Writes it.</param>
    public OnnxCutModel(Module model, Action<string> write)
    {
        try
        {
            var path = _folder["before" + OnnxRecipeModel.Ending];
            write(path);
            (_model, _pruning) = (model, OnnxPruning.Open(path));
            _classifier = new(_pruning.Module);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public override TracedModel Traced => _pruning.Traced with { Module = _classifier };

    public override DependencyGraph Dependencies => _pruning.Dependencies;

    public override bool CanAddBiases => true;

    private string Output => _folder["after" + OnnxRecipeModel.Ending];

    public override IReadOnlyList<IReadOnlyList<Tensor>> Inputs(IReadOnlyList<IReadOnlyList<Tensor>> inputs) =>
        [.. inputs.Select(input => (IReadOnlyList<Tensor>)[_classifier.ToInput(input[0])])];

    public override IReadOnlyList<AddedBias>? CarryOut(Removal removal, PreparedCompensation? compensation, long seed)
    {
        _cut = removal.ToPlan(Traced.Kind);
        _pruning.Save(removal, Output, overwrite: true, compensation);
        return compensation?.Inputs?.AddedBiases is { Count: > 0 } biases ? biases : null;
    }

    public override IReadOnlyList<ResidualBlock> Blocks => _pruning.Blocks;

    public override void Shorten(IReadOnlyList<ResidualBlock> blocks, long seed)
    {
        _cut = LayerRemoval.ToPlan(Traced.Kind, blocks);
        _pruning.Save(blocks, Output, overwrite: true);
    }

    public override Module Smaller() => OnnxRecipeModel.Load(Output, _model, _cut!);

    public override void Dispose() => _folder.Dispose();
}
