namespace Coppice.Onnx.Wire;

/// <summary>Fields of a message that this code has no use for, kept byte for byte (tag and value) in the order they came in.</summary>
internal sealed class UnknownFields
{
    private readonly List<(int Field, byte[] Bytes)> _fields = [];

    public void Add(int field, byte[] bytes) => _fields.Add((field, bytes));

    public bool Has(int field) => _fields.Exists(entry => entry.Field == field);

    /// <summary>Writes the fields of numbers from <paramref name="first"/> up to <paramref name="end"/>, not included.</summary>
    public void Write(WireWriter writer, int first = 0, int end = int.MaxValue)
    {
        foreach (var (field, bytes) in _fields)
            if (field >= first && field < end)
                writer.Raw(bytes);
    }
}
