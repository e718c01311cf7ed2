using Coppice.Onnx;

namespace Coppice.Tests.Pruning.Onnx;

/// <content>Values [boxes, channels, height, width], of boxes that are chosen by their scores.</content>
internal sealed partial class RandomOnnxGraph
{
    private const int Cells = 2;

    private void Boxes(string x)
    {
        var channels = _shapes[x][1];
        var scores = Apply("Reshape", [Batch * Side * Side], [Conv(x, 1), Numbers(-1)]);
        var places = Chosen(scores);                                               // [R]
        var corners = Apply("Sigmoid", [Batch * Side * Side, 2], [Reshaped(Permuted(Conv(x, 2), 0, 2, 3, 1), Batch * Side * Side, 2)]);
        var from = Apply("Gather", [Batch, 2], [corners, places], AttributeProto.From("axis", 0L));
        var boxes = Apply("Concat", [Batch, 4], [from, Apply("Add", [Batch, 2], [from, from])], AttributeProto.From("axis", 1L));
        var images = Apply("Div", [Batch], [places, Number(Side * Side)]);
        var y = Apply("RoiAlign", [Batch, channels, Cells, Cells], [x, boxes, images], AttributeProto.From("output_height", (long)Cells),
            AttributeProto.From("output_width", (long)Cells), AttributeProto.From("sampling_ratio", 1L));
        y = Replaced(y, places);
        if (Chance(2))
            y = Apply("Conv", [Batch, 4, Cells, Cells], [y, Weight(4, channels, 1, 1)]);
        var features = _shapes[y][1] * Cells * Cells;
        var rows = Apply("Reshape", [Batch, features], [Same("Relu", y), Numbers(-1, features)]);
        Output(Linear(Same("Tanh", Linear(rows, Channels())), 3));
        if (Chance(2))
            Output(boxes);
    }

    /// <summary>Numbers of the best places, of those above a threshold, or of those that do not overlap.</summary>
    private string Chosen(string scores)
    {
        switch (Next(3))
        {
            case 0:
                return Apply("TopK", [[5], [5]], [scores, Numbers(5)])[1];
            case 1:
                var above = Apply("Greater", [Batch * Side * Side], [scores, Scalar(Any(0f, 1e9f))]);
                return Apply("Squeeze", [Batch], [Apply("NonZero", [1, Batch], [above]), Numbers(0)]);
            default:
                var boxes = Weight(1, Batch * Side * Side, 4);
                var kept = Apply("NonMaxSuppression", [Batch, 3],
                    [boxes, Reshaped(scores, 1, 1, Batch * Side * Side), Number(6), Scalar(0.5f), Scalar(-100)]);
                return Apply("Gather", [Batch], [kept, Number(2)], AttributeProto.From("axis", 1L));
        }
    }

    /// <summary>Boxes taken or put in place by numbers, as the levels of a pyramid are brought together.</summary>
    private string Replaced(string y, string places)
    {
        var shape = Apply("Shape", [4], [y]);
        var order = Apply("Squeeze", [Batch], [Apply("NonZero", [1, Batch],
            [Apply("Greater", [Batch], [Apply("Cast", [Batch], [places], AttributeProto.From("to", (long)TensorDataType.Float)), Scalar(-1)])]),
            Numbers(0)]);
        var rows = Apply("Reshape", [Batch, 1, 1, 1], [order, Numbers(-1, 1, 1, 1)]);
        var each = Apply("Expand", _shapes[y], [rows, shape]);
        var zeros = Apply("ConstantOfShape", _shapes[y], [shape]);
        var first = AttributeProto.From("axis", 0L);
        return Next(4) switch
        {
            0 => Apply("ScatterElements", _shapes[y], [zeros, each, y], first),
            1 => Apply("GatherElements", _shapes[y], [y, each], first),
            2 => Apply("ScatterND", _shapes[y], [zeros, Apply("Reshape", [Batch, 1], [order, Numbers(-1, 1)]), y]),
            _ => y,
        };
    }
}
