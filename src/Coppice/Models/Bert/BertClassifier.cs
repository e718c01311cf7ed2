using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Bert;

/// <summary>BERT with a linear classifier on the pooled output.</summary>
/// <remarks>The classifier's name is the checkpoint's: <c>classifier</c> in Hugging Face's BertForSequenceClassification, <c>fc</c> in the widely
/// used Chinese text classification code.</remarks>
public sealed class BertClassifier : Module, ITextClassifier, IBlockModel
{
    // BERT's own length.
    private const int LongestUsual = 512;

    private readonly BertModel _bert;
    private readonly Linear _head;

    /// <summary>A model of this configuration, to be loaded.</summary>
    /// <param name="config">config.json.</param>
    /// <param name="headName">Name of the classifier in the state dictionary.</param>
    public BertClassifier(BertConfig config, string headName = "classifier")
    {
        Config = config;
        _bert = Register("bert", new BertModel(config));
        _head = Register(headName, new Linear(config.Width, config.Labels ?? config.LabelNames?.Count ?? 2));
    }

    /// <summary>The configuration it was made from.</summary>
    public BertConfig Config { get; }

    /// <inheritdoc/>
    public int Labels => _head.OutFeatures;

    /// <inheritdoc/>
    public int MaxPositions => Config.Positions;

    /// <inheritdoc/>
    public int UsualLength => Math.Min(Config.PadSize ?? LongestUsual, MaxPositions);

    /// <inheritdoc/>
    public Tensor Forward(Tensor ids, IReadOnlyList<int>? lengths = null, Tensor? tokenTypes = null) =>
        Observed(_head.Forward(_bert.Forward(ids, lengths, tokenTypes).Pooled));    // [B, C] -> [B, classes]

    /// <inheritdoc/>
    public Tensor ForwardMasked(Tensor ids, Tensor attentionMask, Tensor tokenTypes) =>
        Observed(_head.Forward(_bert.ForwardMasked(ids, attentionMask, tokenTypes).Pooled));

    /// <inheritdoc/>
    public IReadOnlyList<Module> Blocks => _bert.Layers;

    /// <inheritdoc/>
    public Tensor Embed(Tensor ids) => _bert.Embed(ids);

    /// <inheritdoc/>
    public Tensor RunBlock(int block, Tensor hidden, Tensor? mask) => _bert.Layers[block].Forward(hidden, mask);

    /// <inheritdoc/>
    public Tensor Finish(Tensor hidden) => _head.Forward(_bert.Pool(hidden));
}
