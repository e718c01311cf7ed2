using System.CommandLine;
using System.Globalization;
using Coppice.Data;
using Coppice.Onnx;

namespace Coppice.Cli.Structural;

/// <summary>How images become what an ONNX classifier was trained on; its file does not say it.</summary>
internal static class PixelOptions
{
    public static readonly Option<string?> Mean = new("--mean")
    {
        Description = "ONNX classifiers: subtracted from pixels scaled to 0..1, one number or one for each channel: 0.485,0.456,0.406 "
            + "(default: 0).",
    };

    public static readonly Option<string?> Std = new("--std")
    {
        Description = "ONNX classifiers: what the difference is divided by (default: 1). Pixels of 0..255 are --std 0.003921569.",
    };

    /// <summary>Refuses them where there are no images for an ONNX file.</summary>
    /// <param name="parsed">The options.</param>
    /// <param name="isOnnx">Whether the model is one.</param>
    /// <param name="images">The file of images; null for none.</param>
    /// <param name="giver">The option that gives one.</param>
    public static void RefuseUnread(ParseResult parsed, bool isOnnx, string? images, Option giver)
    {
        foreach (var option in new[] { Mean, Std })
            if (!(isOnnx && images is not null) && Mode.IsGiven(option, parsed))
                throw new UsageException($"{option.Name} scales images for an ONNX file, and there is no {(isOnnx ? "file of images" : "ONNX file")} "
                    + $"here; leave it out{(isOnnx ? $", or give images with {giver.Name}" : "")}.");
    }

    /// <summary>The images of a file as a model sees them.</summary>
    public static ImageTrainingData Apply(ParseResult parsed, OnnxImageClassifier classifier, ImageData images)
    {
        classifier.CheckImages(images.Channels, images.Height, images.Width);
        return new(images, Numbers(parsed, Mean, images.Channels, 0), Numbers(parsed, Std, images.Channels, 1));
    }

    private static float[] Numbers(ParseResult parsed, Option<string?> option, int channels, float otherwise)
    {
        if (parsed.GetValue(option) is not { } text)
            return [.. Enumerable.Repeat(otherwise, channels)];
        var numbers = text.Split(',').Select(part => float.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && float.IsFinite(number) && (number > 0 || option == Mean) ? number
            : throw new UsageException($"{option.Name} {text} is not one number, or {channels} with commas between them.")).ToList();
        return numbers.Count == channels ? [.. numbers] : numbers is [var one] ? [.. Enumerable.Repeat(one, channels)]
            : throw new UsageException($"{option.Name} {text} has {numbers.Count} numbers; the images have {channels} channels.");
    }
}
