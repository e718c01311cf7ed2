using Coppice.Tensors;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>How one axis is resampled: for each output position the input positions it reads and their weights.</summary>
internal sealed class AxisResampling
{
    private readonly int _from, _to;
    private readonly double _scale;
    private readonly (float Start, float End) _region;
    private readonly string _coordinates, _nearest;
    private readonly bool _excludeOutside;
    private readonly float _cubic, _outside;
    private readonly int _taps;

    public AxisResampling(OperatorCall call, bool isNew, int from, int to, double scale, (float Start, float End) region)
    {
        (_from, _to, _scale, _region) = (from, to, scale, region);
        _coordinates = isNew ? call.Text("coordinate_transformation_mode", "half_pixel") : "asymmetric";
        _nearest = isNew ? call.Text("nearest_mode", "round_prefer_floor") : "floor";
        (_cubic, _outside) = (call.Float("cubic_coeff_a", -0.75f), call.Float("extrapolation_value", 0));
        _excludeOutside = call.Flag("exclude_outside");
        if (call.Flag("antialias") && scale < 1)
            throw new NotSupportedException("antialias is not supported");
        _taps = call.Text("mode", "nearest") switch
        {
            "nearest" => 1,
            "linear" or "bilinear" => 2,
            "cubic" => 4,
            var other => throw new NotSupportedException($"mode {other} is not supported"),
        };
    }

    public Tensor Apply(Tensor x, int axis)
    {
        var (places, weights) = (new long[_taps][], new float[_taps][]);
        for (var tap = 0; tap < _taps; tap++)
            (places[tap], weights[tap]) = (new long[_to], new float[_to]);
        var outside = new bool[_to];
        for (var i = 0; i < _to; i++)
            Fill(i, places, weights, outside);
        var y = _taps == 1
            ? x.Gather(Numbers(places[0]), axis)
            : Enumerable.Range(0, _taps).Select(tap => x.Gather(Numbers(places[tap]), axis).Multiply(AlongAxis(weights[tap])))
                .Aggregate((a, b) => a.Add(b));
        return outside.Contains(true)
            ? Tensor.Where(Tensor.From<bool>(outside, [_to]).Reshape([_to, .. WindowAttributes.Ones(x.Shape.Rank - axis - 1)]), Constant(_outside), y)
            : y;

        Tensor AlongAxis(float[] values) => Tensor.From<float>(values, [_to]).Reshape([_to, .. WindowAttributes.Ones(x.Shape.Rank - axis - 1)]);
    }

    private void Fill(int i, long[][] places, float[][] weights, bool[] outside)
    {
        var position = Position(i);
        outside[i] = _coordinates == "tf_crop_and_resize" && (position < 0 || position > _from - 1);
        if (_taps == 1)
        {
            places[0][i] = Math.Clamp((long)Nearest(position), 0, _from - 1);
            return;
        }
        var first = (long)Math.Floor(position) - (_taps / 2 - 1);
        var (sum, fraction) = (0f, position - Math.Floor(position));
        for (var tap = 0; tap < _taps; tap++)
        {
            var at = first + tap;
            places[tap][i] = Math.Clamp(at, 0, _from - 1);
            var weight = _taps == 2 ? (tap == 0 ? 1 - fraction : fraction) : Cubic(Math.Abs(position - at));
            weights[tap][i] = _excludeOutside && (at < 0 || at >= _from) ? 0 : (float)weight;
            sum += weights[tap][i];
        }
        if (_excludeOutside)
            for (var tap = 0; tap < _taps; tap++)
                weights[tap][i] /= sum;
    }

    private double Position(int i) => _coordinates switch
    {
        "half_pixel" => (i + 0.5) / _scale - 0.5,
        "half_pixel_symmetric" => _from / 2.0 * (1 - _to / (_scale * _from)) + (i + 0.5) / _scale - 0.5,
        "pytorch_half_pixel" => _to > 1 ? (i + 0.5) / _scale - 0.5 : 0,
        "align_corners" => _to > 1 ? i * (_from - 1.0) / (_scale * _from - 1) : 0,
        "asymmetric" => i / _scale,
        "tf_half_pixel_for_nn" => (i + 0.5) / _scale,
        "tf_crop_and_resize" => _to > 1
            ? _region.Start * (_from - 1.0) + i * ((double)_region.End - _region.Start) * (_from - 1) / (_to - 1)
            : 0.5 * ((double)_region.Start + _region.End) * (_from - 1),
        _ => throw new NotSupportedException($"coordinate_transformation_mode {_coordinates} is not supported"),
    };

    private double Nearest(double position) => _nearest switch
    {
        "floor" => Math.Floor(position),
        "ceil" => Math.Ceiling(position),
        "round_prefer_ceil" => Math.Floor(position + 0.5),
        _ => Math.Ceiling(position - 0.5),
    };

    /// <summary>Keys 1981: the weight of a sample at a distance from the position.</summary>
    private double Cubic(double distance) => distance <= 1
        ? ((_cubic + 2) * distance - (_cubic + 3)) * distance * distance + 1
        : distance < 2 ? ((_cubic * distance - 5 * _cubic) * distance + 8 * _cubic) * distance - 4 * _cubic : 0;
}
