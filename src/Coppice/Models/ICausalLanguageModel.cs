using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models;

/// <summary>A model that predicts the next token.</summary>
public interface ICausalLanguageModel
{
    /// <summary>Number of token ids.</summary>
    int VocabSize { get; }

    /// <summary>Longest sequence the model can see.</summary>
    int MaxPositions { get; }

    /// <summary>An empty cache for this model.</summary>
    KvCache CreateCache(int capacity);

    /// <summary>Logits of the next token.</summary>
    /// <param name="ids">Token ids, I64 [batch, steps].</param>
    /// <param name="cache">Past positions, extended by these; null to see these alone.</param>
    /// <param name="padding">How many of each row's first positions (cached ones included) are padding; null where none are.</param>
    /// <param name="lastOnly">Whether only the last step's logits are wanted, which spares the output layer on the others.</param>
    /// <returns>[batch, steps, vocabulary], or [batch, 1, vocabulary].</returns>
    Tensor Forward(Tensor ids, KvCache? cache = null, IReadOnlyList<int>? padding = null, bool lastOnly = false);

    /// <summary>The same where a tensor says what is padding, by ops alone: a graph can be traced whose caller gives it.</summary>
    /// <param name="ids">Token ids, I64 [batch, steps].</param>
    /// <param name="attentionMask">I64 [batch, steps]: 1 for a token, 0 for padding, in front or behind.</param>
    /// <returns>[batch, steps, vocabulary]; what it says of padding means nothing.</returns>
    Tensor ForwardMasked(Tensor ids, Tensor attentionMask);
}
