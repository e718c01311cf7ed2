namespace Coppice.Modules;

/// <summary>A module that compares queries with keys: <c>softmax(scale Q Kᵀ) V</c>. It shows all three to observers (see
/// <see cref="ObservationPoint"/>).</summary>
public interface ISelfAttention
{
    /// <summary>What products of queries and keys are multiplied by, usually <c>1 / sqrt(headDim)</c>.</summary>
    float Scale { get; }

    /// <summary>Whether a position sees only itself and those before it.</summary>
    bool IsCausal { get; }
}
