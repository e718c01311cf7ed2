using Coppice.Models.Bert;
using Coppice.Models.Gpt2;
using Coppice.Models.Llama;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Graphs;

/// <summary>Small models with random weights, and inputs for them.</summary>
internal static class TestModels
{
    private const int Vocabulary = 40;

    public static Gpt2LMHeadModel Gpt2() => Filled(new Gpt2LMHeadModel(new(Vocabulary, Width: 12, Layers: 2, Heads: 3, Positions: 64)));

    public static BertClassifier Bert() => Filled(new BertClassifier(new(Vocabulary, Width: 12, Layers: 2, Heads: 3, Inner: 20, Positions: 64, Labels: 5)));

    /// <summary>Two key heads of 6 for four query heads, biases, an output layer of its own.</summary>
    public static LlamaForCausalLM Llama() => Filled(new LlamaForCausalLM(
        new(Vocabulary, Width: 16, Inner: 20, Layers: 2, Heads: 4, Positions: 64, "qwen2", KeyHeads: 2, HeadWidth: 6)));

    public static Tensor Ids(int batch, int steps, int below = Vocabulary, int seed = 1)
    {
        var random = new RandomSource(seed);
        return Tensor.From<long>([.. Enumerable.Range(0, batch * steps).Select(_ => (long)(random.NextUInt32() % below))], [batch, steps]);
    }

    public static Tensor Floats(Shape shape, int seed = 1)
    {
        var random = new RandomSource(seed);
        var tensor = Tensor.Empty(shape);
        foreach (ref var value in tensor.AsSpan<float>())
            value = random.NextSingle() * 2 - 1;
        return tensor;
    }

    /// <summary>Every parameter random, of a scale that keeps activations finite; running variances stay positive.</summary>
    public static T Filled<T>(T model) where T : Module
    {
        var random = new RandomSource(7);
        foreach (var (_, parameter) in model.NamedParameters())
            Fill(parameter.Data, 2 / MathF.Sqrt(parameter.Shape.Rank < 2 ? 4 : parameter.Shape.Count / parameter.Shape[0]), random);
        foreach (var (name, buffer) in model.StateDict().Where(entry => entry.Key.Contains("running_", StringComparison.Ordinal)))
            foreach (ref var value in buffer.AsSpan<float>())
                value = name.EndsWith("var", StringComparison.Ordinal) ? 0.5f + random.NextSingle() : random.NextSingle() - 0.5f;
        return model;
    }

    public static void AssertSameBits(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        Assert.Equal(expected.ToArray<float>().Select(BitConverter.SingleToUInt32Bits), actual.ToArray<float>().Select(BitConverter.SingleToUInt32Bits));
    }

    private static void Fill(Tensor tensor, float scale, RandomSource random)
    {
        foreach (ref var value in tensor.AsSpan<float>())
            value = scale * (random.NextSingle() - 0.5f);
    }
}
