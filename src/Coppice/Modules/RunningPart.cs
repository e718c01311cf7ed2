namespace Coppice.Modules;

/// <summary>Tells a trace where ops come from in a model that has no layers, such as one run node after node.</summary>
internal static class RunningPart
{
    /// <summary>What applies ops on this thread now; its text is its name.</summary>
    [ThreadStatic]
    public static object? Current;
}
