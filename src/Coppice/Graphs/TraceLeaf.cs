using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Graphs;

/// <summary>Where a tensor comes from that no op of a trace computed.</summary>
internal abstract record TraceLeaf
{
    /// <summary>The graph's input of that number.</summary>
    public sealed record Input(int Number) : TraceLeaf;

    /// <summary>A parameter of the traced module.</summary>
    public sealed record Stored(string Name, Parameter Parameter) : TraceLeaf;

    /// <summary>A buffer of the traced module or one below it.</summary>
    public sealed record Buffer(string Name, Module Owner, string Key) : TraceLeaf;

    /// <summary>A tensor the trace knows nothing of.</summary>
    public sealed record Constant(Tensor Tensor) : TraceLeaf
    {
        /// <summary>Constants are alike where their contents are.</summary>
        public bool Equals(Constant? other) => other is not null && Tensor.Shape == other.Tensor.Shape && Tensor.DType == other.Tensor.DType
            && HasSameBytes(Tensor.Contiguous(), other.Tensor.Contiguous());

        /// <inheritdoc/>
        public override int GetHashCode() => Tensor.Shape.GetHashCode();

        private static bool HasSameBytes(Tensor one, Tensor two)
        {
            var length = checked((int)(one.Count * one.DType.ByteSize()));
            var same = one.ReadOnlyBytes(0, length).SequenceEqual(two.ReadOnlyBytes(0, length));
            GC.KeepAlive(one); // a span alone does not keep native memory from its finalizer
            GC.KeepAlive(two);
            return same;
        }
    }
}
