using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

/// <summary>How the axes of each op's inputs and outputs depend on each other: one small rule for each op. An op without a rule pins all it touches.</summary>
internal static class CouplingRules
{
    internal const string Slides = "windows slide over this axis";

    private static readonly Dictionary<Type, Action<Coupling>> Rules = new()
    {
        [typeof(Compare)] = Broadcast,
        [typeof(Logical)] = Broadcast,
        [typeof(Where)] = Broadcast,
        [typeof(Cast)] = Same,
        [typeof(Contiguous)] = Same,
        [typeof(Softmax)] = PinLast,
        [typeof(LogSoftmax)] = PinLast,
        [typeof(Tensors.Ops.Sum)] = coupling => WithoutLast(coupling, _ => { }),
        [typeof(Mean)] = coupling => WithoutLast(coupling, last => AxisAlgebra.Normalize(last, coupling.Name)),
        [typeof(ArgMax)] = coupling => WithoutLast(coupling, last => coupling.Pin(last, "positions along this axis are its result")),
        [typeof(Linear)] = LinearRule,
        [typeof(MatMul)] = MatMulRule,
        [typeof(Conv2d)] = ConvolutionRule,
        [typeof(FusedConv2d)] = Unsupported("made for evaluation: prune the graph that it was made from"),
        [typeof(BatchNorm)] = ChannelwiseRule,
        [typeof(BatchNormTraining)] = BatchNormTrainingRule,
        [typeof(LayerNorm)] = NormRule,
        [typeof(RmsNorm)] = NormRule,
        [typeof(RotaryEmbedding)] = RotaryRule,
        [typeof(MaxPool2d)] = PoolRule,
        [typeof(AvgPool2d)] = PoolRule,
        [typeof(AdaptiveAvgPool2d)] = PoolRule,
        [typeof(Unfold)] = AxisRules.Unfold,
        [typeof(Fold)] = AxisRules.Fold,
        [typeof(RoiAlign)] = AxisRules.RoiAlign,
        [typeof(Reduce)] = AxisRules.Reduce,
        [typeof(CumulativeSum)] = AxisRules.CumulativeSum,
        [typeof(SlidingSum)] = AxisRules.SlidingSum,
        [typeof(TopK)] = AxisRules.TopK,
        [typeof(Triangle)] = AxisRules.Triangle,
        [typeof(Gather)] = AxisRules.Gather,
        [typeof(GatherElements)] = AxisRules.GatherElements,
        [typeof(GatherND)] = AxisRules.GatherND,
        [typeof(ScatterElements)] = AxisRules.ScatterElements,
        [typeof(ScatterND)] = AxisRules.ScatterND,
        [typeof(NonZero)] = Unsupported("positions are its result"),
        [typeof(NonMaxSuppression)] = Unsupported("positions are its result"),
        [typeof(ShapeOf)] = Unsupported("sizes are its result, and are computed with"),
        [typeof(Embedding)] = EmbeddingRule,
        [typeof(Attention)] = AttentionRule,
        [typeof(Reshape)] = ReshapeRule,
        [typeof(Transpose)] = TransposeRule,
        [typeof(Permute)] = AxisRules.Permute,
        [typeof(Expand)] = AxisRules.Expand,
        [typeof(Squeeze)] = SqueezeRule,
        [typeof(Unsqueeze)] = AxisRules.Unsqueeze,
        [typeof(Narrow)] = NarrowRule,
        [typeof(Slice)] = AxisRules.Slice,
        [typeof(Concat)] = ConcatRule,
        [typeof(Pad)] = PadRule,
        [typeof(Arange)] = Unsupported("positions"),
        [typeof(L2Normalize)] = Unsupported("every entry is divided by a length over all along this axis"),
        [typeof(CrossEntropy)] = Unsupported("a loss, of which every class is part"),
        [typeof(KlDivergence)] = Unsupported("a loss, of which every class is part"),
        [typeof(MeanSquaredError)] = Unsupported("a loss, whose mean is over all entries"),
    };

    /// <summary>Applies the rule of a node's op.</summary>
    public static void Apply(Coupling coupling)
    {
        if (Find(coupling.Node.Op.GetType()) is { } rule)
            rule(coupling);
        else
            NoRule(coupling, "there is no rule for this op");
    }

    /// <summary>Whether an op has a rule, if only that nothing it touches can be pruned.</summary>
    public static bool Knows(Type op) => Find(op) is not null;

    /// <summary>Functions of single elements all have the same rule.</summary>
    private static Action<Coupling>? Find(Type op) => Rules.TryGetValue(op, out var rule) ? rule
        : op.IsSubclassOf(typeof(UnaryOp)) ? Same
        : op.IsSubclassOf(typeof(BinaryOp)) ? Broadcast
        : null;

    private static Action<Coupling> Unsupported(string why) => coupling => NoRule(coupling, why);

    private static void NoRule(Coupling c, string why)
    {
        foreach (var input in c.Inputs)
            foreach (var axis in input)
                c.Pin(axis, why);
        for (var i = 0; i < c.Outputs.Length; i++)
            c.Outputs[i] = [.. c.OutputSizes(i).Select(size => c.NewPinned(size, why))];
        c.Sizes = [.. c.Node.Sizes.Select(size => c.NewPinned(size.Constant ?? 1, why))];
    }

    private static void Same(Coupling c) => c.Outputs[0] = c.Inputs[0];

    /// <summary>Axes are aligned from the last; one of size 1 is repeated.</summary>
    private static void Broadcast(Coupling c)
    {
        var sizes = c.OutputSizes();
        c.Outputs[0] = new Term[sizes.Count];
        for (var axis = 0; axis < sizes.Count; axis++)
        {
            var terms = c.Inputs.Select(input => axis - (sizes.Count - input.Length) is var own and >= 0 ? input[own] : null).OfType<Term>()
                .Where(term => term.Size == sizes[axis]).ToArray();
            foreach (var other in terms.Skip(1))
                c.Equate(terms[0], other);
            c.Outputs[0][axis] = terms[0];
        }
    }

    private static void PinLast(Coupling c)
    {
        c.Pin(c.Inputs[0][^1], "every entry depends on all along this axis");
        c.Outputs[0] = c.Inputs[0];
    }

    private static void WithoutLast(Coupling c, Action<Term> last)
    {
        last(c.Inputs[0][^1]);
        c.Contract(0, c.Inputs[0].Length - 1);
        c.Outputs[0] = c.Inputs[0][..^1];
    }

    private static void LinearRule(Coupling c)
    {
        var (x, weight) = (c.Inputs[0], c.Inputs[1]);
        var (output, input) = ((Linear)c.Node.Op).Layout == WeightLayout.OutIn ? (weight[0], weight[1]) : (weight[1], weight[0]);
        c.Equate(x[^1], input);
        c.Contract(0, x.Length - 1);
        if (c.Inputs.Count > 2)
            c.Equate(output, c.Inputs[2][0]);
        c.Outputs[0] = [.. x[..^1], output];
    }

    private static void MatMulRule(Coupling c)
    {
        var (a, b) = (c.Inputs[0], c.Inputs[1]);
        var (inner, outer) = ((MatMul)c.Node.Op).TransposeB ? (b[^1], b[^2]) : (b[^2], b[^1]);
        c.Equate(a[^1], inner);
        c.Contract(0, a.Length - 1);
        var rank = Math.Max(a.Length, b.Length);
        var batch = new Term[rank - 2];
        for (var axis = 0; axis < batch.Length; axis++)
        {
            var (left, right) = (At(a, axis - (rank - a.Length)), At(b, axis - (rank - b.Length)));
            if (left is not null && right is not null && left.Size == right.Size)
                c.Equate(left, right);
            batch[axis] = left is null || (right is not null && right.Size > left.Size) ? right! : left;
        }
        c.Outputs[0] = [.. batch, a[^2], outer];

        static Term? At(Term[] axes, int axis) => axis < 0 ? null : axes[axis];
    }

    /// <summary>x.channel = G x I, weight = [G x O, I, ...], y.channel = G x O.</summary>
    private static void ConvolutionRule(Coupling c)
    {
        var (x, weight) = (c.Inputs[0], c.Inputs[1]);
        var groups = ((Conv2d)c.Node.Op).Groups;
        var (inputs, outputs) = (Grouped(c, x[1], groups), Grouped(c, weight[0], groups));
        c.Equate(inputs[0], outputs[0]);
        c.Equate(inputs[1], weight[1]);
        c.Contract(0, 1);
        if (c.Inputs.Count > 2)
            c.Equate(weight[0], c.Inputs[2][0]);
        c.Sizes = [outputs[0]];
        for (var axis = 2; axis < weight.Length; axis++)
        {
            c.Pin(weight[axis], "the kernel's extent");
            c.Pin(x[axis], Slides);
        }
        c.Outputs[0] = [x[0], weight[0], .. c.OutputSizes().Skip(2).Select(size => c.NewPinned(size, Slides))];
    }

    private static IReadOnlyList<Term> Grouped(Coupling c, Term channels, int groups) =>
        AxisAlgebra.Factor(channels, [groups, channels.Size / groups], c.Name);

    private static void ChannelwiseRule(Coupling c)
    {
        foreach (var parameter in c.Inputs.Skip(1))
            c.Equate(c.Inputs[0][1], parameter[0]);
        c.Outputs[0] = c.Inputs[0];
    }

    private static void BatchNormTrainingRule(Coupling c)
    {
        ChannelwiseRule(c);
        foreach (var (axis, term) in c.Inputs[0].Index())
            if (axis != 1)
                c.Pin(term, "statistics are taken over this axis");
        for (var i = 1; i < c.Outputs.Length; i++)
            c.Outputs[i] = [c.Inputs[0][1]];
    }

    private static void NormRule(Coupling c)
    {
        foreach (var parameter in c.Inputs.Skip(1))
            c.Equate(c.Inputs[0][^1], parameter[0]);
        AxisAlgebra.Normalize(c.Inputs[0][^1], c.Name);
        c.Outputs[0] = c.Inputs[0];
    }

    /// <summary>x [B, H, T, 2 x F] with frequencies [F]: index i of a head goes with i + F.</summary>
    private static void RotaryRule(Coupling c)
    {
        var (x, frequencies) = (c.Inputs[0], c.Inputs[2]);
        var halves = AxisAlgebra.Factor(x[3], [2, frequencies[0].Size], c.Name);
        c.Pin(halves[0], "it turns pairs, one entry of each half");
        c.Equate(halves[1], frequencies[0]);
        c.Pin(x[2], "positions");
        foreach (var axis in c.Inputs[1])
            c.Pin(axis, "positions");
        c.Outputs[0] = x;
    }

    private static void PoolRule(Coupling c)
    {
        foreach (var axis in c.Inputs[0].Skip(2))
            c.Pin(axis, Slides);
        c.Outputs[0] = [.. c.Inputs[0][..2], .. c.OutputSizes().Skip(2).Select(size => c.NewPinned(size, Slides))];
    }

    private static void EmbeddingRule(Coupling c)
    {
        c.Pin(c.Inputs[1][0], "the vocabulary: ids name its rows");
        c.Outputs[0] = [.. c.Inputs[0], c.Inputs[1][1]];
    }

    /// <summary>q [B, KV x R, T, D], k and v [B, KV, S, D], mask [B or 1, KV x R or 1, ...] -> [B, T, (KV x R) x D].</summary>
    private static void AttentionRule(Coupling c)
    {
        var (q, k, v) = (c.Inputs[0], c.Inputs[1], c.Inputs[2]);
        for (var axis = 0; axis < 4; axis++)
            c.Equate(k[axis], v[axis]);
        c.Equate(q[0], k[0]);
        c.Equate(q[3], k[3]);
        var heads = AxisAlgebra.Factor(q[1], [k[1].Size, q[1].Size / k[1].Size], c.Name);
        c.Equate(heads[0], k[1]);
        c.Contract(0, 3);
        c.Pin(k[2], "every entry depends on all keys");
        c.Pin(q[2], "positions");
        foreach (var mask in c.Inputs.Skip(3))
        {
            for (var axis = 0; axis < 2; axis++)
                if (mask[axis].Size == q[axis].Size)
                    c.Equate(mask[axis], q[axis]);
            foreach (var axis in mask[2..])
                c.Pin(axis, "the mask says which positions are seen");
        }
        c.Outputs[0] = [q[0], q[2], Product.Of(q[1], v[3]).Resolve()];
    }

    /// <summary>Runs of axes with equal products are matched: merged axes are products, split ones are factored.</summary>
    private static void ReshapeRule(Coupling c)
    {
        var sizes = c.OutputSizes();
        if (sizes.Contains(0))
        {
            NoRule(c, "it has no entries, by which its axes could be told");
            return;
        }
        var from = new Queue<Term>(c.Inputs[0].Where(term => term.Size != 1));
        var to = new Queue<int>(sizes.Where(size => size != 1));
        var made = new Queue<Term>();
        while (from.Count > 0)
        {
            var (merged, split) = (new List<Term> { from.Dequeue() }, new List<int> { to.Dequeue() });
            for (long left = merged[0].Size, right = split[0]; left != right;)
                if (left < right)
                    left *= Taken(merged, from.Dequeue()).Size;
                else
                    right *= Taken(split, to.Dequeue());
            foreach (var factor in Refactored(c, Product.Of(merged), split))
                made.Enqueue(factor);
        }
        c.Outputs[0] = [.. sizes.Select(size => size == 1 ? c.NewPinned(1, "an axis of one index") : made.Dequeue())];
        c.Sizes = c.Outputs[0];

        static T Taken<T>(List<T> list, T item)
        {
            list.Add(item);
            return item;
        }
    }

    private static IReadOnlyList<Term> Refactored(Coupling c, Term merged, List<int> sizes) =>
        sizes.Count == 1 ? [merged.Resolve()] : AxisAlgebra.Factor(merged, sizes, c.Name);

    private static void TransposeRule(Coupling c)
    {
        var op = (Transpose)c.Node.Op;
        Term[] axes = [.. c.Inputs[0]];
        (axes[op.Axis0], axes[op.Axis1]) = (axes[op.Axis1], axes[op.Axis0]);
        c.Outputs[0] = axes;
    }

    private static void SqueezeRule(Coupling c)
    {
        var axis = ((Squeeze)c.Node.Op).Axis;
        c.Outputs[0] = [.. c.Inputs[0][..axis], .. c.Inputs[0][(axis + 1)..]];
    }

    private static void NarrowRule(Coupling c)
    {
        var op = (Narrow)c.Node.Op;
        var whole = c.Inputs[0][op.Axis];
        var parts = AxisAlgebra.Cut(whole, [op.Start, op.Length, whole.Size - op.Start - op.Length], c.Name, takeApart: true);
        c.Outputs[0] = [.. c.Inputs[0]];
        c.Outputs[0][op.Axis] = parts[1];
        c.Sizes = [parts[0], parts[1]];
    }

    private static void ConcatRule(Coupling c)
    {
        var joined = ((Concat)c.Node.Op).Axis;
        c.Outputs[0] = [.. c.Inputs[0]];
        for (var axis = 0; axis < c.Outputs[0].Length; axis++)
            if (axis == joined)
                c.Outputs[0][axis] = Sum.Of([.. c.Inputs.Select(input => input[axis])]).Resolve();
            else
                foreach (var other in c.Inputs.Skip(1))
                    c.Equate(c.Inputs[0][axis], other[axis]);
    }

    /// <summary>What is added may be taken away again, index by index.</summary>
    private static void PadRule(Coupling c)
    {
        var op = (Pad)c.Node.Op;
        var (before, after) = (new Dim(op.Before), new Dim(op.After));
        c.Outputs[0] = [.. c.Inputs[0]];
        c.Outputs[0][op.Axis] = Sum.Of([.. new Term[] { before, c.Inputs[0][op.Axis], after }.Where(part => part.Size > 0)]).Resolve();
        c.Sizes = [before, after];
    }
}
