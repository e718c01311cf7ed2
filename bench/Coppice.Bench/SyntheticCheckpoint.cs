using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Bench;

/// <summary>Checkpoints with real models' shapes and made-up weights, written as Hugging Face folders.</summary>
internal static class SyntheticCheckpoint
{
    private const long ShardBytes = 5_000_000_000;

    /// <summary>Weight shapes of GPT-2 small's blocks (Conv1D: [in, out]) and of its embedding: 124 M elements.</summary>
    public static (string Name, Shape Shape)[] Gpt2Small { get; } =
    [
        ("transformer.wte.weight", [50257, 768]), ("transformer.wpe.weight", [1024, 768]),
        .. Enumerable.Range(0, 12).SelectMany(i => new (string, Shape)[]
        {
            ($"transformer.h.{i}.attn.c_attn.weight", [768, 2304]), ($"transformer.h.{i}.attn.c_proj.weight", [768, 768]),
            ($"transformer.h.{i}.mlp.c_fc.weight", [768, 3072]), ($"transformer.h.{i}.mlp.c_proj.weight", [3072, 768]),
        }),
    ];

    /// <summary>All of Llama-2-7B's tensors: 6.7 G elements.</summary>
    public static (string Name, Shape Shape)[] Llama7B { get; } =
    [
        ("model.embed_tokens.weight", [32000, 4096]),
        .. Enumerable.Range(0, 32).SelectMany(i => new (string, Shape)[]
        {
            ($"model.layers.{i}.self_attn.q_proj.weight", [4096, 4096]), ($"model.layers.{i}.self_attn.k_proj.weight", [4096, 4096]),
            ($"model.layers.{i}.self_attn.v_proj.weight", [4096, 4096]), ($"model.layers.{i}.self_attn.o_proj.weight", [4096, 4096]),
            ($"model.layers.{i}.mlp.gate_proj.weight", [11008, 4096]), ($"model.layers.{i}.mlp.up_proj.weight", [11008, 4096]),
            ($"model.layers.{i}.mlp.down_proj.weight", [4096, 11008]),
            ($"model.layers.{i}.input_layernorm.weight", [4096]), ($"model.layers.{i}.post_attention_layernorm.weight", [4096]),
        }),
        ("model.norm.weight", [4096]), ("lm_head.weight", [32000, 4096]),
    ];

    /// <summary>GPT-2 small's weights in one F32 safetensors file.</summary>
    public static void MakeGpt2Small(string folder) => Make(folder, Gpt2Small, DType.F32,
        new JsonObject { ["model_type"] = "gpt2", ["vocab_size"] = 50257, ["n_embd"] = 768, ["n_layer"] = 12, ["n_head"] = 12, ["tie_word_embeddings"] = true });

    /// <summary>Llama-2-7B's tensors in BF16 shards.</summary>
    public static void MakeLlama7B(string folder) => Make(folder, Llama7B, DType.BF16,
        new JsonObject { ["model_type"] = "llama", ["vocab_size"] = 32000, ["hidden_size"] = 4096, ["tie_word_embeddings"] = false });

    private static void Make(string folder, (string Name, Shape Shape)[] tensors, DType dtype, JsonObject config)
    {
        Directory.CreateDirectory(folder);
        var sources = tensors.Select((tensor, i) => (TensorSource)new RandomTensor(tensor.Name, dtype, tensor.Shape, i)).ToList();
        var shards = Shards(sources);
        var map = new JsonObject();
        for (var i = 0; i < shards.Count; i++)
        {
            var file = shards.Count == 1 ? "model.safetensors" : $"model-{i + 1:00000}-of-{shards.Count:00000}.safetensors";
            Checkpoint.SaveNew(Path.Combine(folder, file), shards[i], new SaveOptions { Overwrite = true });
            foreach (var tensor in shards[i])
                map[tensor.Name] = file;
            Console.WriteLine($"{folder}/{file}");
        }
        if (shards.Count > 1)
            File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), new JsonObject
            {
                ["metadata"] = new JsonObject { ["total_size"] = sources.Sum(source => source.ByteLength) },
                ["weight_map"] = map,
            }.ToJsonString());
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
    }

    private static List<List<TensorSource>> Shards(List<TensorSource> sources)
    {
        var shards = new List<List<TensorSource>> { new() };
        foreach (var source in sources)
        {
            if (shards[^1].Sum(tensor => tensor.ByteLength) + source.ByteLength > ShardBytes)
                shards.Add([]);
            shards[^1].Add(source);
        }
        return shards;
    }

    /// <summary>Bell-shaped values from a counter, so that any part can be made at any time.</summary>
    private sealed class RandomTensor(string name, DType dtype, Shape shape, int seed) : TensorSource(name, dtype, shape)
    {
        private static readonly float[] Table = [.. Enumerable.Range(0, 1 << 16).Select(i => Normal((i + 0.5) / (1 << 16)))];

        public override void Read(long byteOffset, Span<byte> destination)
        {
            var size = DType.ByteSize();
            var first = byteOffset / size;
            for (var i = 0; i < destination.Length / size; i++)
            {
                var value = Value((ulong)(first + i));
                if (DType == DType.F32)
                    MemoryMarshal.Cast<byte, float>(destination)[i] = value;
                else
                    MemoryMarshal.Cast<byte, ushort>(destination)[i] = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
            }
        }

        /// <summary>A table of the normal distribution, with low bits from the hash so that F32 values rarely tie.</summary>
        private float Value(ulong index)
        {
            var hash = (index + ((ulong)seed << 40) + 1) * 0x9E3779B97F4A7C15;
            hash = (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93;
            return Table[hash >> 48] * (1 + (hash & 0xFFFFFF) * 1e-11f);
        }

        /// <summary>The normal quantile times 0.02 (Abramowitz and Stegun 26.2.23; four digits are plenty here).</summary>
        private static float Normal(double p)
        {
            var t = Math.Sqrt(-2 * Math.Log(Math.Min(p, 1 - p)));
            var x = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
            return (float)(0.02 * (p < 0.5 ? -x : x));
        }
    }
}
