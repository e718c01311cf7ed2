using Coppice.Data;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Training.Distillation;

/// <summary>
/// Matches outputs: the mean squared difference of the student's, projected or not, and the teacher's (Romero et al., "FitNets", 2015;
/// Jiao et al., "TinyBERT", 2020). Padding of texts does not count.
/// </summary>
/// <inheritdoc cref="LayerTransfer(string, string, float)" path="/param"/>
public sealed record HiddenStateTransfer(string Student, string Teacher, float Weight = 1) : LayerTransfer(Student, Teacher, Weight)
{
    /// <summary>Whether a linear map is learnt from the student's width to the teacher's: of the last axis, or of the channels of
    /// [B, C, H, W]. It is needed where widths differ, and no part of the student.</summary>
    public bool Projected { get; init; }

    internal override IReadOnlyList<ObservationPoint> Points => [ObservationPoint.Output];

    private protected override string Remedy => Projected
        ? "A projection changes the width alone; choose modules whose other axes agree."
        : "Set Projected to learn a map from one width to the other, or choose modules of one shape.";

    internal override Tensor Describe(Module module, IReadOnlyList<Tensor> seen, TrainingBatch batch)
    {
        var output = seen[0];
        return batch is TextBatch text && output.Shape.Rank == 3 && RealTokens.Rows(text, output.Shape[1], repeats: 1) is { } rows
            ? output.Reshape(-1, output.Shape[2]).Embedding(rows)   // [B, T, C] -> [tokens, C]
            : output;
    }

    internal override Layer? Projection(Tensor student, Tensor teacher) => (Projected, student.Shape.Rank) switch
    {
        (false, _) => null,
        (true, 4) => new Conv2d(student.Shape[1], teacher.Shape[1], 1),
        _ => new Linear(student.Shape[^1], teacher.Shape[^1]),
    };

    internal override Tensor Compare(Tensor student, Tensor teacher) => student.MeanSquaredError(teacher);
}
