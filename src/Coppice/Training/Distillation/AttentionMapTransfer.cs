using Coppice.Data;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Training.Distillation;

/// <summary>
/// Matches where convolutional layers look: of an output [B, C, H, W] the mean of squares over channels is a map [B, H W], which is divided
/// by its L2 norm; the loss is the mean squared difference of the maps (Zagoruyko and Komodakis, "Paying more attention to attention",
/// 2017, with its authors' means over channels and positions). The numbers of channels may differ, height and width may not.
/// </summary>
/// <inheritdoc cref="LayerTransfer(string, string, float)" path="/param"/>
public sealed record AttentionMapTransfer(string Student, string Teacher, float Weight = 1) : LayerTransfer(Student, Teacher, Weight)
{
    internal override IReadOnlyList<ObservationPoint> Points => [ObservationPoint.Output];

    private protected override string Remedy => "Choose modules whose outputs have one height and width.";

    internal override Tensor Describe(Module module, IReadOnlyList<Tensor> seen, TrainingBatch batch)
    {
        var output = seen[0];
        if (output.Shape.Rank != 4)
            throw new TrainingException($"{nameof(AttentionMapTransfer)} of '{Student}' and '{Teacher}' takes outputs [B, C, H, W], "
                + $"not {output.Shape}; use {nameof(AttentionRelationTransfer)} or {nameof(HiddenStateTransfer)} for other layers.");
        var pixels = output.Reshape(output.Shape[0], output.Shape[1], -1).Transpose(1, 2);  // [B, H W, C]
        return pixels.Multiply(pixels).Mean().L2Normalize();                                // [B, H W]
    }

    internal override Tensor Compare(Tensor student, Tensor teacher) => student.MeanSquaredError(teacher);
}
