using Coppice.Modules;

namespace Coppice.Training.Distillation;

/// <summary>What a student takes over from its teacher.</summary>
public sealed record DistillationOptions
{
    /// <summary>T: what logits are divided by before the softmax, above 0. Larger ones show more of what the teacher thinks of unlikely
    /// classes.</summary>
    public float Temperature { get; init; } = 4;

    /// <summary>The teacher's share of the loss, in 0..1; at 0 its logits are not looked at.</summary>
    public float Alpha { get; init; } = 0.5f;

    /// <summary>What is matched besides the logits.</summary>
    public IReadOnlyList<LayerTransfer> Transfers { get; init; } = [];

    /// <summary>Makes the optimizer of the projections (see <see cref="HiddenStateTransfer.Projected"/>); it follows the learning rate
    /// schedule of the student's.</summary>
    public Func<Module, Optimizer> ProjectionOptimizer { get; init; } = projections => new AdamW(projections);

    /// <summary>Where the projections' first weights come from.</summary>
    public long Seed { get; init; }
}
