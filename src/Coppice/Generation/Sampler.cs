using Coppice.Tensors;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Coppice.Generation;

/// <summary>Chooses the next token from logits: penalty, temperature, top-k, top-p, then a draw; in the order Hugging Face applies them.</summary>
internal sealed class Sampler(GenerationOptions options, int seed)
{
    private readonly RandomSource _random = new(seed);
    private readonly HashSet<int> _seen = [];

    /// <summary>Notes tokens that the repetition penalty applies to.</summary>
    public void See(IEnumerable<int> ids) => _seen.UnionWith(ids);

    /// <summary>The next token. Changes <paramref name="logits"/>.</summary>
    public int Next(Span<float> logits)
    {
        Penalize(logits);
        var id = options.Temperature == 0 ? TensorPrimitives.IndexOfMax(logits) : Draw(logits);
        _seen.Add(id);
        return id;
    }

    private void Penalize(Span<float> logits)
    {
        if (options.RepetitionPenalty == 1)
            return;
        foreach (var id in _seen)
            logits[id] = logits[id] > 0 ? logits[id] / options.RepetitionPenalty : logits[id] * options.RepetitionPenalty;
    }

    private int Draw(Span<float> logits)
    {
        TensorPrimitives.Divide(logits, options.Temperature, logits);
        var candidates = Likeliest(logits);
        float[] probabilities = [.. candidates.Select(candidate => candidate.Logit)];
        TensorPrimitives.SoftMax(probabilities, probabilities);
        var kept = Nucleus(probabilities);
        var target = _random.NextDouble() * TensorPrimitives.Sum<float>(probabilities.AsSpan(0, kept));
        var sum = 0.0;
        for (var i = 0; i < kept - 1; i++)
        {
            sum += probabilities[i];
            if (target < sum)
                return candidates[i].Id;
        }
        return candidates[kept - 1].Id;
    }

    /// <summary>The top-k tokens (all where top-k is off), likeliest first, lower ids first among equals.</summary>
    private List<(float Logit, int Id)> Likeliest(ReadOnlySpan<float> logits)
    {
        var count = options.TopK > 0 ? Math.Min(options.TopK, logits.Length) : logits.Length;
        var candidates = new List<(float Logit, int Id)>(logits.Length);
        var floor = count < logits.Length ? KthLargest(logits, count) : float.NegativeInfinity;
        for (var id = 0; id < logits.Length; id++)
            if (logits[id] >= floor)
                candidates.Add((logits[id], id));
        candidates.Sort((a, b) => a.Logit != b.Logit ? b.Logit.CompareTo(a.Logit) : a.Id.CompareTo(b.Id));
        return candidates.Count > count ? candidates[..count] : candidates;
    }

    private static float KthLargest(ReadOnlySpan<float> logits, int k)
    {
        var heap = new PriorityQueue<float, float>(k);
        foreach (var logit in logits)
            if (heap.Count < k)
                heap.Enqueue(logit, logit);
            else if (logit > heap.Peek())
                heap.DequeueEnqueue(logit, logit);
        return heap.Peek();
    }

    /// <summary>How many of the likeliest entries it takes to reach top-p; at least one.</summary>
    private int Nucleus(ReadOnlySpan<float> probabilities)
    {
        var sum = 0.0;
        for (var i = 0; i < probabilities.Length; i++)
        {
            sum += probabilities[i];
            if (sum >= options.TopP)
                return i + 1;
        }
        return probabilities.Length;
    }
}
