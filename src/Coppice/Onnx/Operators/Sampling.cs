using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Images read at any places, between the pixels too.</summary>
internal static class Sampling
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["GridSample"] = call => call.InSingle(typed => [new Sampler(typed).Run()]),
        ["RoiAlign"] = call => call.InSingle(typed => [Regions(typed)]),
    };

    private static Tensor Regions(OperatorCall call)
    {
        var mode = call.Text("mode", "avg");
        if (mode is not ("avg" or "max"))
            throw new NotSupportedException($"mode {mode} is not supported");
        var op = new RoiAlign(ToInt(call.Int("output_height", 1)), ToInt(call.Int("output_width", 1)), ToInt(call.Int("sampling_ratio", 0)),
            call.Float("spatial_scale", 1), call.Version >= 16 && call.Text("coordinate_transformation_mode", "half_pixel") == "half_pixel",
            mode == "max");
        call.Made([call[1].Shape[0], call[0].Shape[1], ToInt(call.Int("output_height", 1)), ToInt(call.Int("output_width", 1))]);
        return Apply(op, call[0], call[1], call[2].Cast(DType.I64));
    }

    /// <summary>x [B, C, H, W], grid [B, h, w, 2] with columns and rows from -1 to 1 -> [B, C, h, w] (Jaderberg et al. 2015).</summary>
    private sealed class Sampler(OperatorCall call)
    {
        private const float Sharpness = -0.75f; // of the cubic convolution of Keys 1981, as PyTorch has it

        private readonly Tensor _pixels = call[0].Permute(0, 2, 3, 1);   // [B, H, W, C]
        private readonly int _height = call[0].Shape[2], _width = call[0].Shape[3];
        private readonly bool _corners = call.Flag("align_corners");
        private readonly string _padding = call.Text("padding_mode", "zeros");

        public Tensor Run()
        {
            if (call[0].Shape.Rank != 4)
                throw new NotSupportedException($"images of {call[0].Shape.Rank - 2} axes are not supported");
            var column = Place(call[1].Narrow(3, 0, 1).Squeeze(3), _width);   // [B, h, w]
            var row = Place(call[1].Narrow(3, 1, 1).Squeeze(3), _height);
            var sampled = call.Text("mode", "linear") switch
            {
                "nearest" => Pixel(Apply(new Round(), Inside(row, _height)), Apply(new Round(), Inside(column, _width))),
                "linear" or "bilinear" => Mixed(Inside(row, _height), Inside(column, _width), 0, Linear),
                "cubic" or "bicubic" => Mixed(row, column, -1, Cubic),
                var other => throw new NotSupportedException($"mode {other} is not supported"),
            };
            return sampled.Permute(0, 3, 1, 2);
        }

        /// <summary>From -1..1 to positions of pixels.</summary>
        private Tensor Place(Tensor grid, int size) => _corners
            ? grid.Add(Constant(1)).Multiply(Constant((size - 1) / 2f))
            : grid.Add(Constant(1)).Multiply(Constant(size / 2f)).Subtract(Constant(0.5f));

        /// <summary>Places outside of the image moved into it, as the padding says.</summary>
        private Tensor Inside(Tensor place, int size) => _padding switch
        {
            "zeros" => place,
            "border" => Apply(new Clip(0, size - 1), place),
            "reflection" => Apply(new Clip(0, size - 1), Reflected(place, size)),
            var other => throw new NotSupportedException($"padding_mode {other} is not supported"),
        };

        /// <summary>There and back between the outermost pixels' centres, or edges.</summary>
        private Tensor Reflected(Tensor place, int size)
        {
            var (low, span) = _corners ? (0f, size - 1f) : (-0.5f, size);
            if (span == 0)
                return place.Multiply(Constant(0));
            var around = Apply(new Modulo(false), place.Subtract(Constant(low)), Constant(2 * span));
            return Constant(span + low).Subtract(Apply(new Abs(), around.Subtract(Constant(span))));
        }

        /// <summary>Pixels of whole rows and columns, 0 outside of the image: [B, h, w, C].</summary>
        private Tensor Pixel(Tensor row, Tensor column)
        {
            var (y, x) = (Apply(new Clip(0, _height - 1), row), Apply(new Clip(0, _width - 1), column));
            var places = Tensor.Concat(3, y.Unsqueeze(3), x.Unsqueeze(3)).Cast(DType.I64);
            var isInside = Apply(new Logical(LogicalKind.And), y.Compare(Comparison.Equal, row), x.Compare(Comparison.Equal, column));
            return Apply(new GatherND(1), _pixels, places).Multiply(isInside.Cast(DType.F32).Unsqueeze(3));
        }

        /// <summary>Neighbouring pixels, weighted by how far they are.</summary>
        private Tensor Mixed(Tensor row, Tensor column, int first, Func<Tensor, Tensor[]> weights)
        {
            var (top, left) = (Apply(new Floor(), row), Apply(new Floor(), column));
            var (down, across) = (weights(row.Subtract(top)), weights(column.Subtract(left)));
            Tensor? sum = null;
            for (var i = 0; i < down.Length; i++)
                for (var j = 0; j < across.Length; j++)
                {
                    var pixel = Pixel(Inside(top.Add(Constant(first + i)), _height), Inside(left.Add(Constant(first + j)), _width));
                    var part = pixel.Multiply(down[i].Multiply(across[j]).Unsqueeze(3));
                    sum = sum is null ? part : sum.Add(part);
                }
            return sum!;
        }

        private static Tensor[] Linear(Tensor t) => [Constant(1).Subtract(t), t];

        private static Tensor[] Cubic(Tensor t)
        {
            return [Far(t.Add(Constant(1))), Near(t), Near(Constant(1).Subtract(t)), Far(Constant(2).Subtract(t))];

            Tensor Near(Tensor x) => x.Multiply(Constant(Sharpness + 2)).Subtract(Constant(Sharpness + 3)).Multiply(x).Multiply(x).Add(Constant(1));

            Tensor Far(Tensor x) => x.Multiply(Constant(Sharpness)).Subtract(Constant(5 * Sharpness)).Multiply(x).Add(Constant(8 * Sharpness))
                .Multiply(x).Subtract(Constant(4 * Sharpness));
        }
    }
}
