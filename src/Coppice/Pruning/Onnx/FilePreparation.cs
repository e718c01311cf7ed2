namespace Coppice.Pruning.Onnx;

/// <summary>What is done to a file's nodes before it is analysed, and again when it is written.</summary>
/// <param name="Shuffles">Chains of nodes that become lists of numbers.</param>
/// <param name="Groups">Grouped convolutions that become several.</param>
internal sealed record FilePreparation(ChannelShuffles Shuffles, ConvolutionGroups Groups)
{
    /// <summary>Nodes stay as they are.</summary>
    public static FilePreparation None { get; } = new(ChannelShuffles.None, ConvolutionGroups.None);

    /// <summary>Changes a model.</summary>
    /// <returns>Names of the lists of numbers.</returns>
    public IReadOnlySet<string> Apply(Additions additions)
    {
        OwnInitializers.Give(additions);
        var lists = Shuffles.Apply(additions);
        Groups.Apply(additions);
        return lists;
    }
}
