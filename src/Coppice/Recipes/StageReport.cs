namespace Coppice.Recipes;

/// <summary>The model after a stage.</summary>
/// <param name="Type">The stage's type, or <c>start</c>.</param>
/// <param name="Sparsity">Share of zeros among all parameters of the model.</param>
/// <param name="SparsityInScope">Share of zeros among the weights that the recipe's first pruning stage has in scope; where none prunes, among all
/// matrices and filters.</param>
/// <param name="Stage">The stage's number; null for the model at the start.</param>
/// <param name="Quality">On the test data; null where the recipe names neither that nor validation data.</param>
/// <param name="Cut">What a stage cut out; null of others.</param>
public sealed record StageReport(
    string Type, double Sparsity, double SparsityInScope, int? Stage = null, Quality? Quality = null, CutReport? Cut = null);
