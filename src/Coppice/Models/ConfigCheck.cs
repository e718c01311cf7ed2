namespace Coppice.Models;

/// <summary>Checks the numbers of config.json against the weights before a model of them takes memory.</summary>
/// <param name="elements">Elements of the checkpoint.</param>
internal sealed class ConfigCheck(long elements)
{
    // A model a little larger than its weights is still made, so that loading can say which names are missing.
    private const int Slack = 2;

    /// <summary>Requires a number of at least 1.</summary>
    public static void Positive(string member, int value)
    {
        if (value < 1)
            throw new ArgumentException($"{member} is {value}; it must be 1 or more.");
    }

    /// <summary>Requires heads of whole width.</summary>
    public static void Divides(string heads, int count, string width, int size)
    {
        if (size % count != 0)
            throw new ArgumentException($"{heads} is {count}, which does not divide {width}, {size}.");
    }

    /// <summary>Requires that what a number asks for can be in the weights.</summary>
    /// <param name="member">The number's name.</param>
    /// <param name="value">The number.</param>
    /// <param name="each">Elements that each unit of it takes.</param>
    public void Fits(string member, int value, Int128 each)
    {
        if (value * each > (Int128)elements * Slack)
            throw new ArgumentException($"{member} is {value}, which takes {value * each} elements; the weights have {elements}.");
    }
}
