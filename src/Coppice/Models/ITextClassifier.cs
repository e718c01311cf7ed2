using Coppice.Tensors;

namespace Coppice.Models;

/// <summary>A model that sorts token sequences into classes.</summary>
public interface ITextClassifier
{
    /// <summary>Number of classes.</summary>
    int Labels { get; }

    /// <summary>Longest sequence the model can see.</summary>
    int MaxPositions { get; }

    /// <summary>Tokens that longer texts are cut to unless something else is asked for: as many as it was trained with where that is known, else
    /// 512, and no more than <see cref="MaxPositions"/>.</summary>
    int UsualLength { get; }

    /// <summary>Logits [batch, classes].</summary>
    /// <param name="ids">Token ids, I64 [batch, steps].</param>
    /// <param name="lengths">How many of each row's steps are real; the rest is padding behind them. Null where all are.</param>
    /// <param name="tokenTypes">Segment of each token, I64 [batch, steps]; null for all 0.</param>
    Tensor Forward(Tensor ids, IReadOnlyList<int>? lengths = null, Tensor? tokenTypes = null);

    /// <summary>The same where a tensor says what is padding, by ops alone: a graph can be traced whose caller gives it.</summary>
    /// <param name="ids">Token ids, I64 [batch, steps].</param>
    /// <param name="attentionMask">I64 [batch, steps]: 1 for a token, 0 for padding.</param>
    /// <param name="tokenTypes">Segment of each token, I64 [batch, steps].</param>
    Tensor ForwardMasked(Tensor ids, Tensor attentionMask, Tensor tokenTypes);
}
