namespace Coppice.Generation;

/// <summary>How text is continued. The defaults are greedy: the likeliest token each time.</summary>
public sealed record GenerationOptions
{
    /// <summary>At most this many tokens are added; fewer where the model's context ends.</summary>
    public int MaxNewTokens { get; init; } = 50;

    /// <summary>Divides the logits before sampling; 0 takes the likeliest token.</summary>
    public float Temperature { get; init; }

    /// <summary>Samples among this many likeliest tokens; 0 among all.</summary>
    public int TopK { get; init; }

    /// <summary>Samples among the fewest likeliest tokens whose probabilities reach this sum (nucleus sampling, Holtzman et al., 2019); 1 among all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Makes tokens that occurred less likely (CTRL, Keskar et al., 2019): positive logits are divided by it, negative ones multiplied;
    /// 1 changes nothing.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Texts that end the continuation; they are not part of it.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Seed of the sampling; row i of a batch uses Seed + i.</summary>
    public int Seed { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message says which.</exception>
    public void Validate()
    {
        Require(MaxNewTokens >= 0, $"MaxNewTokens is {MaxNewTokens}; it must be 0 or more.");
        Require(Temperature >= 0 && float.IsFinite(Temperature), $"Temperature is {Temperature}; it must be 0 (greedy) or more.");
        Require(TopK >= 0, $"TopK is {TopK}; it must be 0 (off) or more.");
        Require(TopP is > 0 and <= 1, $"TopP is {TopP}; it must be above 0 and at most 1 (off).");
        Require(RepetitionPenalty > 0 && float.IsFinite(RepetitionPenalty), $"RepetitionPenalty is {RepetitionPenalty}; it must be above 0 (1 is off).");
        Require(Stop.All(text => text.Length > 0), "A stop text is empty.");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new ArgumentException(message);
    }
}
