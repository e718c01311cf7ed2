using Coppice.Training;

namespace Coppice.Recipes;

/// <summary>What a run tells while it goes on.</summary>
/// <param name="Stage">Number of the stage, from 0.</param>
/// <param name="Stages">How many there are.</param>
/// <param name="Type">The stage's type.</param>
/// <param name="Training">The trainer's report, while a stage trains.</param>
/// <param name="Done">The report of a stage that is done.</param>
public sealed record RunProgress(int Stage, int Stages, string Type, TrainingReport? Training = null, StageReport? Done = null);
