namespace Coppice.Modules;

/// <summary>A place in a module's forward pass that can be looked at with <see cref="Module.Observe"/>.</summary>
public enum ObservationPoint
{
    /// <summary>What the module returns.</summary>
    Output,

    /// <summary>The queries of an attention module, unscaled, with rotary positions in them, F32 [B, heads, T, headDim].</summary>
    Queries,

    /// <summary>The keys of an attention module, likewise, F32 [B, key heads, T, headDim].</summary>
    Keys,

    /// <summary>The values of an attention module, F32 [B, key heads, T, headDim].</summary>
    Values,
}
