namespace Coppice.Onnx.Wire;

/// <summary>A message that can be read from fields and written as fields.</summary>
internal interface IWireMessage
{
    /// <summary>Takes one field, or leaves it to be kept as unknown.</summary>
    /// <returns>Whether the field was taken.</returns>
    bool ReadField(int field, WireReader reader);

    /// <summary>Writes all fields in the order of their numbers, as protobuf's own writers do.</summary>
    void Write(WireWriter writer);

    /// <summary>What <see cref="ReadField"/> did not take.</summary>
    UnknownFields Unknown { get; }
}
