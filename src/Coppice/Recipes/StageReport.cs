namespace Coppice.Recipes;

/// <summary>The model after a stage.</summary>
/// <param name="Stage">The stage's number; null for the model at the start.</param>
/// <param name="Type">The stage's type, or <c>start</c>.</param>
/// <param name="Sparsity">Share of zeros among all parameters of the model.</param>
/// <param name="SparsityInScope">Share of zeros among the weights that the recipe prunes, or may be pruned by default.</param>
/// <param name="Quality">On the test data; null where the recipe names neither that nor validation data.</param>
public sealed record StageReport(int? Stage, string Type, double Sparsity, double SparsityInScope, Quality? Quality);
