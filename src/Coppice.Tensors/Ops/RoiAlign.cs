namespace Coppice.Tensors.Ops;

/// <summary>
/// Regions of images brought to one size (He et al. 2017): x F32 [B, C, H, W], corners F32 [R, 4] as x1, y1, x2, y2, and I64 [R], the image of
/// each region -> F32 [R, C, Height, Width].
/// </summary>
/// <remarks>Each cell is the mean of samples in between the pixels; a sample more than one pixel outside of the image is 0.</remarks>
/// <param name="Height">Rows of cells.</param>
/// <param name="Width">Columns of cells.</param>
/// <param name="Samples">Samples along each side of a cell; 0 for about one for each pixel.</param>
/// <param name="Scale">Pixels for a unit of the corners.</param>
/// <param name="HalfPixel">Whether corners count from the edge of the first pixel; otherwise from its centre, and a region is one pixel at least.</param>
/// <param name="Maximum">Whether a cell is the largest instead, and that not of the samples but of the four pixels around each, times their
/// weights: so ONNX's own reference and ONNX Runtime understand ONNX's <c>max</c>.</param>
public sealed record RoiAlign(int Height, int Width, int Samples, float Scale, bool HalfPixel, bool Maximum = false) : Op
{
    private const int MostSamples = 1 << 12;

    /// <inheritdoc/>
    public override string? NoGradient => "it is there for inference";

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs is not [{ DType: DType.F32, Shape.Rank: 4 } x, { DType: DType.F32, Shape.Rank: 2 } corners, { DType: DType.I64, Shape.Rank: 1 } images]
            || corners.Shape[1] != 4 || corners.Shape[0] != images.Shape[0])
            throw Mismatch("F32 x [B, C, H, W] and corners [R, 4], and I64 images [R], are expected.", inputs);
        if (Height < 1 || Width < 1 || Samples is < 0 or > MostSamples || x.Shape[2] == 0 || x.Shape[3] == 0)
            throw Mismatch($"there must be cells and pixels, and no more than {MostSamples} samples.", inputs);
        return [x with { Shape = [images.Shape[0], x.Shape[1], Height, Width] }];
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var x = inputs[0].Contiguous();
        var pixels = x.AsReadOnlySpan<float>();
        var y = outputs[0].AsSpan<float>();
        var (corners, images) = (inputs[1].ToArray<float>(), inputs[2].ToArray<long>());
        var (channels, height, width) = (x.Shape[1], x.Shape[2], x.Shape[3]);
        for (var region = 0; region < images.Length; region++)
        {
            if (images[region] < 0 || images[region] >= x.Shape[0])
                throw new OpException($"RoiAlign: region {region} is of image {images[region]}; there are {x.Shape[0]}.");
            var rows = Along(corners[4 * region + 1], corners[4 * region + 3], Height, height);
            var columns = Along(corners[4 * region], corners[4 * region + 2], Width, width);
            for (var channel = 0; channel < channels; channel++)
            {
                var plane = pixels.Slice((int)((images[region] * channels + channel) * height * width), height * width);
                Fill(plane, width, rows, columns, y.Slice((region * channels + channel) * Height * Width, Height * Width));
            }
        }
        GC.KeepAlive(x);
    }

    private void Fill(ReadOnlySpan<float> plane, int width, Sample[][] rows, Sample[][] columns, Span<float> cells)
    {
        var cell = 0;
        foreach (var down in rows)
            foreach (var across in columns)
            {
                var (sum, largest) = (0f, float.NegativeInfinity);
                foreach (var row in down)
                    foreach (var column in across)
                        if (Maximum)
                            largest = Math.Max(largest, Math.Max(column.LargestOf(plane.Slice(row.At * width, width), row.Weight),
                                column.LargestOf(plane.Slice(row.Next * width, width), row.NextWeight)));
                        else
                            sum += row.Weight * column.Of(plane.Slice(row.At * width, width))
                            + row.NextWeight * column.Of(plane.Slice(row.Next * width, width));
                cells[cell++] = Maximum ? largest : sum / (down.Length * across.Length);
            }
    }

    /// <summary>The samples of each cell along one axis.</summary>
    private Sample[][] Along(float from, float to, int cells, int size)
    {
        var start = from * Scale - (HalfPixel ? 0.5f : 0);
        var length = HalfPixel ? (to - from) * Scale : Math.Max((to - from) * Scale, 1);
        var cell = length / cells;
        var count = Samples > 0 ? Samples : (int)Math.Clamp(MathF.Ceiling(cell), 1, MostSamples);
        return [.. Enumerable.Range(0, cells).Select(i => Enumerable.Range(0, count)
            .Select(j => Sample.For(start + i * cell + (j + 0.5f) * cell / count, size)).ToArray())];
    }

    /// <summary>Two neighbouring pixels of an axis and their weights.</summary>
    private readonly record struct Sample(int At, int Next, float Weight, float NextWeight)
    {
        /// <summary>What is between the two.</summary>
        public float Of(ReadOnlySpan<float> pixels) => Weight * pixels[At] + NextWeight * pixels[Next];

        /// <summary>The larger of the two, weighted.</summary>
        public float LargestOf(ReadOnlySpan<float> pixels, float weight) =>
            Math.Max(weight * Weight * pixels[At], weight * NextWeight * pixels[Next]);

        public static Sample For(float place, int size)
        {
            if (!(place >= -1 && place <= size))
                return default;
            var inside = Math.Clamp(place, 0, size - 1);
            var at = (int)inside;
            return new(at, Math.Min(at + 1, size - 1), 1 - (inside - at), inside - at);
        }
    }
}
