using System.Globalization;
using Coppice.Tensors;

namespace Coppice.Cli.Structural;

/// <summary>What <c>--input</c> says.</summary>
internal static class InputSizes
{
    /// <summary>Tokens, or height and width, of a model that has one input of a known kind; null where nothing is said.</summary>
    public static int? LengthOf(IReadOnlyList<string> texts) => texts switch
    {
        [] => null,
        [var one] when int.TryParse(one, NumberStyles.None, CultureInfo.InvariantCulture, out var length) => length,
        _ => throw new UsageException($"--input {string.Join(" --input ", texts)}: this model takes one number, its tokens or the height and "
            + "width of its image; NAME=1x3x224x224 is for ONNX models."),
    };

    /// <summary>Axis sizes of an ONNX model's inputs by name, "" where none is given.</summary>
    public static Dictionary<string, Shape> Of(IReadOnlyList<string> texts)
    {
        var sizes = new Dictionary<string, Shape>();
        foreach (var text in texts)
        {
            var split = text.LastIndexOf('=');
            if (!sizes.TryAdd(split < 0 ? "" : text[..split], Parse(text, text[(split + 1)..])))
                throw new UsageException($"--input {text}: the sizes of this input are given twice.");
        }
        return sizes;
    }

    // One number alone may be the value of an input without axes, which may be 0.
    private static Shape Parse(string text, string sizes) => Shape.Create([.. (sizes.Length == 0 ? [] : sizes.Split('x')).Select(size =>
        int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && (number > 0 || size == sizes)
            ? number
            : throw new UsageException($"--input {text} is not NAME=SIZExSIZE..., such as images=1x3x224x224, or 1x3x224x224 where there is one "
                + "input."))]);
}
