namespace Coppice.Checkpoints;

/// <summary>Some rows (indices of the first axis) of a tensor, in their type and bytes.</summary>
internal sealed class SelectedRows(TensorSource source, IReadOnlyList<int> rows)
    : TensorSource(source.Name, source.DType, source.Shape.With(0, rows.Count))
{
    private readonly long _rowBytes = source.Shape[0] == 0 ? 0 : source.ByteLength / source.Shape[0];

    public override object Identity => (source.Identity, rows);

    public override void Read(long byteOffset, Span<byte> destination)
    {
        CheckRange(byteOffset, destination.Length);
        while (!destination.IsEmpty)
        {
            var (row, skip) = Math.DivRem(byteOffset, _rowBytes);
            var length = (int)Math.Min(_rowBytes - skip, destination.Length);
            source.Read(rows[(int)row] * _rowBytes + skip, destination[..length]);
            byteOffset += length;
            destination = destination[length..];
        }
    }
}
