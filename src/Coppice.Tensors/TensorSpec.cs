namespace Coppice.Tensors;

/// <summary>What an op must know of a tensor before it runs: element type and shape.</summary>
public readonly record struct TensorSpec(DType DType, Shape Shape)
{
    /// <summary>Form for messages: <c>F32 [2, 3]</c>.</summary>
    public override string ToString() => $"{DType} {Shape}";
}
