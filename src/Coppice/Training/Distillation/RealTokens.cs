using Coppice.Data;
using Coppice.Tensors;

namespace Coppice.Training.Distillation;

/// <summary>Which tokens of padded texts are real.</summary>
internal static class RealTokens
{
    /// <summary>Numbers of the rows that belong to real tokens in a table [repeats B T, ...], I64; null where nothing is padding, or
    /// <paramref name="steps"/> are not the tokens.</summary>
    public static Tensor? Rows(TextBatch batch, int steps, int repeats)
    {
        if (steps != batch.Ids.Shape[1] || batch.Lengths.All(length => length == steps))
            return null;
        var texts = batch.Lengths.Count;
        long[] rows =
        [
            .. from row in Enumerable.Range(0, repeats * texts)
               from step in Enumerable.Range(0, batch.Lengths[row % texts])
               select (long)row * steps + step,
        ];
        return Tensor.From<long>(rows, [rows.Length]);
    }
}
