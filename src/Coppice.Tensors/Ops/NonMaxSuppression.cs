namespace Coppice.Tensors.Ops;

/// <summary>
/// Drops boxes that overlap a better one: F32 boxes [B, N, 4] and scores [B, C, N] -> I64 [kept, 3] of batch, class and box.
/// </summary>
/// <remarks>
/// Boxes are taken from the highest score down (of equals the first); one is kept if its intersection over union with each box kept before,
/// of its batch and class, is at most the threshold.
/// </remarks>
/// <param name="MostPerClass">How many are kept for a batch and class at most.</param>
/// <param name="Overlap">The threshold, 0 to 1.</param>
/// <param name="Score">Boxes are considered above this score.</param>
/// <param name="Centered">Whether a box is centre x, centre y, width, height; otherwise two opposite corners y1, x1, y2, x2.</param>
public sealed record NonMaxSuppression(long MostPerClass, float Overlap, float Score, bool Centered) : Op
{
    /// <inheritdoc/>
    public override string? NoGradient => "an index only jumps, it never changes smoothly";

    /// <summary>Refuses: the count depends on the values.</summary>
    /// <exception cref="OpException">Always.</exception>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        throw Mismatch("the size of the result depends on the values; it is known only when the op runs.", inputs);

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) =>
        Select(inputs[0], inputs[1]).CopyTo(outputs[0].AsSpan<long>());

    /// <inheritdoc/>
    protected override Tensor[] Run(ReadOnlySpan<Tensor> inputs)
    {
        if (inputs is not [{ DType: DType.F32, Shape.Rank: 3 } boxes, { DType: DType.F32, Shape.Rank: 3 } scores]
            || boxes.Shape[2] != 4 || boxes.Shape[0] != scores.Shape[0] || boxes.Shape[1] != scores.Shape[2])
            throw Mismatch("F32 boxes [B, N, 4] and scores [B, C, N] are expected.", SpecsOf(inputs));
        var kept = Select(boxes, scores);
        return [Tensor.From<long>(kept, [kept.Length / 3, 3])];
    }

    private long[] Select(Tensor boxTensor, Tensor scoreTensor)
    {
        var (boxes, scores) = (boxTensor.ToArray<float>(), scoreTensor.ToArray<float>());
        var (classes, count) = (scoreTensor.Shape[1], scoreTensor.Shape[2]);
        var kept = new List<long>();
        for (var row = 0; row < scoreTensor.Shape[0] * classes; row++)
        {
            var corners = Enumerable.Range(0, count).Select(i => Corners(boxes.AsSpan((row / classes * count + i) * 4, 4))).ToArray();
            var best = new List<int>();
            foreach (var i in Enumerable.Range(0, count).Where(i => scores[row * count + i] > Score).OrderByDescending(i => scores[row * count + i]))
                if (best.Count < MostPerClass && best.TrueForAll(other => corners[i].Overlap(corners[other]) <= Overlap))
                    best.Add(i);
            foreach (var i in best)
                kept.AddRange([row / classes, row % classes, i]);
        }
        return [.. kept];
    }

    private Box Corners(ReadOnlySpan<float> box) => Centered
        ? new(box[1] - box[3] / 2, box[0] - box[2] / 2, box[1] + box[3] / 2, box[0] + box[2] / 2)
        : new(Math.Min(box[0], box[2]), Math.Min(box[1], box[3]), Math.Max(box[0], box[2]), Math.Max(box[1], box[3]));

    private readonly record struct Box(float Top, float Left, float Bottom, float Right)
    {
        private float Area => (Bottom - Top) * (Right - Left);

        /// <summary>Intersection over union; 0 where either is empty.</summary>
        public float Overlap(Box other)
        {
            var height = Math.Min(Bottom, other.Bottom) - Math.Max(Top, other.Top);
            var width = Math.Min(Right, other.Right) - Math.Max(Left, other.Left);
            var shared = Math.Max(0, height) * Math.Max(0, width);
            return shared <= 0 ? 0 : shared / (Area + other.Area - shared);
        }
    }
}
