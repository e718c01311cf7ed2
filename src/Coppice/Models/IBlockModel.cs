using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models;

/// <summary>A model whose forward pass goes through blocks one after another, so that what comes before a block can be computed
/// once and shared.</summary>
/// <remarks>Embed, then RunBlock for each block in order, then Finish, gives the bytes of the model's own forward pass.</remarks>
public interface IBlockModel
{
    /// <summary>The blocks in the order they run.</summary>
    IReadOnlyList<Module> Blocks { get; }

    /// <summary>Hidden states [batch, steps, width] that enter the first block.</summary>
    /// <param name="ids">Token ids, I64 [batch, steps]; padding, if any, is behind the real ones.</param>
    Tensor Embed(Tensor ids);

    /// <summary>Hidden states [batch, steps, width] after one block.</summary>
    /// <param name="block">Its number, from 0.</param>
    /// <param name="hidden">Hidden states [batch, steps, width] that enter it.</param>
    /// <param name="mask">Added to the attention scores, F32 [batch, 1, 1, steps]; null where nothing is padding.</param>
    Tensor RunBlock(int block, Tensor hidden, Tensor? mask);

    /// <summary>The model's logits from the hidden states that leave the last block.</summary>
    Tensor Finish(Tensor hidden);
}
