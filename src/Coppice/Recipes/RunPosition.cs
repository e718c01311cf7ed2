namespace Coppice.Recipes;

/// <summary>Where a run stands.</summary>
/// <param name="Recipe">Hash of what the recipe says.</param>
/// <param name="Inputs">Hashes of the files it began with.</param>
/// <param name="Done">Stages that are done.</param>
/// <param name="Reports">What was measured at the start and after each of them.</param>
internal sealed record RunPosition(string Recipe, IReadOnlyDictionary<string, string> Inputs, int Done, IReadOnlyList<StageReport> Reports);
