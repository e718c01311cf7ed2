namespace Coppice.Pruning.Compensation;

/// <summary>A bias that a layer of a file was given.</summary>
/// <param name="Weight">The weight that the layer reads.</param>
/// <param name="Outputs">Its length.</param>
/// <param name="Name">Its name.</param>
internal sealed record AddedBias(string Weight, int Outputs, string Name);
