using Coppice.Tensors;

namespace Coppice.Pruning.Dependency;

/// <summary>Examples without targets as the inputs of a computation that criteria and compensation look at.</summary>
public static class CalibrationInputs
{
    /// <summary>Texts end to end, in pieces of equal length; a piece may hold the end of one text and the beginning of the next.</summary>
    /// <param name="texts">Token ids of each text.</param>
    /// <param name="steps">Tokens of an input.</param>
    /// <param name="count">How many inputs, at the most.</param>
    /// <param name="source">Where the texts are from, for the message.</param>
    /// <returns>At least one set of inputs: token ids, I64 [1, steps].</returns>
    /// <exception cref="PruningException">There are less tokens than one input has.</exception>
    public static IReadOnlyList<IReadOnlyList<Tensor>> OfTexts(IEnumerable<IEnumerable<long>> texts, int steps, int count, string source)
    {
        IReadOnlyList<Tensor>[] inputs = [.. texts.SelectMany(ids => ids).Chunk(steps).Where(ids => ids.Length == steps).Take(count)
            .Select(ids => (IReadOnlyList<Tensor>)[Tensor.From<long>(ids, [1, steps])])];
        return inputs.Length > 0 ? inputs : throw new PruningException($"{source} has less than the {steps} tokens of one input to calibrate on; give "
            + "more (on the command line, --input asks for fewer).");
    }

    /// <summary>Images in batches of equal size.</summary>
    /// <param name="images">One image each, F32 [1, ...].</param>
    /// <param name="batch">How many the computation takes at a time.</param>
    /// <param name="count">How many images, at the most.</param>
    /// <param name="source">Where the images are from, for the message.</param>
    /// <returns>At least one set of inputs: images, F32 [batch, ...].</returns>
    /// <exception cref="PruningException">There are less images than one batch has.</exception>
    public static IReadOnlyList<IReadOnlyList<Tensor>> OfImages(IEnumerable<Tensor> images, int batch, int count, string source)
    {
        IReadOnlyList<Tensor>[] inputs = [.. images.Take(count).Chunk(batch).Where(chunk => chunk.Length == batch)
            .Select(chunk => (IReadOnlyList<Tensor>)[batch == 1 ? chunk[0] : Tensor.Concat(0, chunk)])];
        return inputs.Length > 0 ? inputs : throw new PruningException(
            $"the model takes {batch} images at a time, and {source} has fewer, of {count} at the most, to calibrate on; give more.");
    }
}
