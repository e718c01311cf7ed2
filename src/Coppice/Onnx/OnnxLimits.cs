namespace Coppice.Onnx;

/// <summary>What a file may ask for; a file over a limit is refused before anything is allocated for it.</summary>
internal static class OnnxLimits
{
    /// <summary>Messages within messages; a subgraph takes three levels.</summary>
    public const int Depth = 100;

    /// <summary>Messages, texts and numbers outside of tensors, in all. The largest exported models have some hundred thousand.</summary>
    public const int Items = 20_000_000;

    /// <summary>Bytes of one text, such as a name or a description.</summary>
    public const int TextBytes = 64 << 20;

    /// <summary>
    /// Bytes of a whole message: readers made of protobuf's own code take no more, so larger models keep tensors in a file beside.
    /// </summary>
    public const long MessageBytes = int.MaxValue;

    /// <summary>Elements of a tensor that a node makes from numbers alone, such as a constant of a shape.</summary>
    public const long MadeElements = 1 << 28;

    /// <summary>How many times what it reads a node makes at the most, where it makes more than <see cref="MadeElements"/>.</summary>
    public const long Enlargement = 64;

    /// <summary>Bytes of all that nodes make from constants as a file is opened: what one file could have stored, and more where it stores much.
    /// </summary>
    /// <param name="stored">Bytes of the tensors that the file holds.</param>
    public static long FoldedBytes(long stored) => MessageBytes + 16 * stored;

    /// <summary>Positions along an axis that is resampled: F32 tells no more apart.</summary>
    public const int ResampledSize = 1 << 24;

    /// <summary>Nodes of a model with its functions in place of their calls: functions that call each other can make any number.</summary>
    public const int InlinedNodes = 250_000;

    /// <summary>The IR versions this code was written for.</summary>
    public const long FirstIrVersion = 3, LastIrVersion = 10;
}
