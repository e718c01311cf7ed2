namespace Coppice.Training;

/// <summary>Training can't go on: the message names the step, what was found, and what to do.</summary>
public sealed class TrainingException(string message, Exception? inner = null) : Exception(message, inner);
