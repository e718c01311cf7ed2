namespace Coppice.Tensors.Kernels;

/// <summary>
/// A convolution's weights as <see cref="GemmTile"/> reads its left side, [group][strip][depth][rows of the strip]: kept beside the
/// weight's
/// storage from the second use of the same contents on, as <see cref="PanelCache"/> keeps those of linear layers.
/// </summary>
internal sealed unsafe class ConvWeights : IDisposable
{
    private readonly NativeBuffer _buffer;

    private ConvWeights(ConvShape shape, float* weight)
    {
        _buffer = new NativeBuffer(Length(shape));
        Pack(shape, weight, _buffer.Pointer);
    }

    /// <summary>Rows of a strip, at most.</summary>
    public static int TileRows { get; } = Gemm.PanelWidth == 32 ? 14 : 6;

    public float* Pointer => _buffer.Pointer;

    /// <summary>The panels of a weight [O, C/groups, kh, kw]; null where it is used for the first time, or is only part of its
    /// storage.</summary>
    public static ConvWeights? Find(Tensor weight, ConvShape shape)
    {
        var storage = weight.Storage;
        if (!weight.IsContiguous || weight.Offset != 0 || weight.Count * sizeof(float) != storage.ByteLength)
            return null;
        var form = new Form(shape.Groups, shape.GroupOutputs, shape.Depth, WinogradConv.Fits(shape), FewPixelConv.Fits(shape));
        lock (storage)
        {
            if (storage.Derived is not Entry entry || entry.Version != storage.Version || entry.Form != form)
            {
                storage.Derived = new Entry(storage.Version, form);
                return null;
            }
            return entry.Weights ??= new ConvWeights(shape, weight.Pointer<float>());
        }
    }

    /// <summary>Floats of a weight when arranged.</summary>
    public static long Length(ConvShape shape) =>
        WinogradConv.Fits(shape) ? WinogradConv.WeightLength(shape)
        : FewPixelConv.Fits(shape) ? FewPixelConv.WeightLength(shape)
        : (long)shape.Outputs * shape.Depth;

    /// <summary>Arranges a weight [O, C/groups, kh, kw] as the convolution of that shape wants it.</summary>
    public static void Pack(ConvShape shape, float* weight, float* target)
    {
        if (WinogradConv.Fits(shape))
        {
            WinogradConv.TransformWeights(shape, weight, target);
            return;
        }
        if (FewPixelConv.Fits(shape))
        {
            FewPixelConv.ArrangeWeights(shape, weight, target);
            return;
        }
        var (groups, outputs, depth) = (shape.Groups, shape.GroupOutputs, shape.Depth);
        var strips = new Gemm.Strips(outputs, TileRows);
        for (var group = 0; group < groups; group++)
            for (var strip = 0; strip < strips.Count; strip++)
            {
                var (row, rows) = (strips.Start(strip), strips.Start(strip + 1) - strips.Start(strip));
                var at = ((long)group * outputs + row) * depth;
                Panels.Transpose(weight + at, depth, rows, depth, target + at, rows);
            }
    }

    public void Dispose() => _buffer.Dispose();

    /// <summary>What the arrangement depends on.</summary>
    private readonly record struct Form(int Groups, int Outputs, int Depth, bool IsTransformed, bool IsOfFewPixels);

    private sealed class Entry(int version, Form form) : IDisposable
    {
        public int Version { get; } = version;

        public Form Form { get; } = form;

        public ConvWeights? Weights { get; set; }

        public void Dispose() => Weights?.Dispose();
    }
}
