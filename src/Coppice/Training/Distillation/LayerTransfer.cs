using Coppice.Data;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Training.Distillation;

/// <summary>Draws a part of the student towards a part of the teacher.</summary>
/// <param name="Student">Path of a module of the student, such as <c>transformer.h.3</c> or <c>layer2.1</c>.</param>
/// <param name="Teacher">Path of a module of the teacher.</param>
/// <param name="Weight">What its loss is multiplied by, at least 0.</param>
public abstract record LayerTransfer(string Student, string Teacher, float Weight)
{
    /// <summary>What is looked at.</summary>
    internal abstract IReadOnlyList<ObservationPoint> Points { get; }

    /// <summary>What to do where shapes differ.</summary>
    private protected abstract string Remedy { get; }

    /// <summary>The module that a path means.</summary>
    internal virtual Module Find(Module root, string path) => root.Find(path);

    /// <summary>What is compared, from the tensors seen at <see cref="Points"/>.</summary>
    internal abstract Tensor Describe(Module module, IReadOnlyList<Tensor> seen, TrainingBatch batch);

    /// <summary>A layer from the student's description to the teacher's shape; null for none.</summary>
    internal virtual Layer? Projection(Tensor student, Tensor teacher) => null;

    /// <summary>The loss [] of two descriptions of one shape.</summary>
    internal abstract Tensor Compare(Tensor student, Tensor teacher);

    /// <exception cref="TrainingException">The shapes differ.</exception>
    internal Tensor Loss(Tensor student, Tensor teacher) => student.Shape == teacher.Shape
        ? Compare(student, teacher)
        : throw new TrainingException($"{GetType().Name}: the student's '{Student}' gives {student.Shape}, the teacher's '{Teacher}' "
            + $"{teacher.Shape}. {Remedy}");
}
