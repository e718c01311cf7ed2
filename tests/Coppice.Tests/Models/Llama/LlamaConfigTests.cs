using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Models.Llama;
using Coppice.Tensors;

namespace Coppice.Tests.Models.Llama;

/// <summary>On configurations of a few numbers, made here.</summary>
public sealed class LlamaConfigTests
{
    private const string Plain = """
        {"model_type": "llama", "vocab_size": 5, "hidden_size": 8, "intermediate_size": 6, "num_hidden_layers": 1, "num_attention_heads": 2,
         "max_position_embeddings": 32, "num_key_value_heads": 1}
        """;

    [Fact]
    public void Config_WithoutOptionalMembers_HasHuggingFacesDefaults()
    {
        Assert.Equal(new LlamaConfig(5, 8, 6, 1, 2, 32, "llama", 1, null, "silu", 1e-6f, 10000, null, null, false, false, null, null, false),
            Read(""));
        Assert.Equal(4, Read("").HeadSize);
        Assert.False(Read("").HasQueryBias);
    }

    // The expected numbers are those of Golden/training/llama.py.
    [Theory]
    [InlineData("\"rope_scaling\": null", 1.0, 0.459863275, 0.21147424, 0.0972492471, 0.0447213612, 0.0205657128, 0.0094574159, 0.00434911856)]
    [InlineData("\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2}",
        1.0, 0.459863275, 0.21147424, 0.0972492471, 0.0447213612, 0.0205657128, 0.0094574159, 0.00434911856)]
    [InlineData("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}",
        0.5, 0.229931638, 0.10573712, 0.0486246236, 0.0223606806, 0.0102828564, 0.00472870795, 0.00217455928)]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4, "
        + "\"original_max_position_embeddings\": 64}",
        1.0, 0.459863275, 0.0976166278, 0.0121561559, 0.00559017016, 0.0025707141, 0.00118217699, 0.000543639821)]
    public void RotaryFrequencies_OfEachScaling_AreHuggingFaces(string scaling, params double[] expected)
    {
        var config = Read($"\"rope_theta\": 500, \"head_dim\": 16, {scaling}");
        Assert.Equal(expected.Length, config.RotaryFrequencies().Length);
        Assert.All(expected.Zip(config.RotaryFrequencies()), pair => Assert.Equal(1, pair.Second / pair.First, 1e-6));
    }

    [Fact]
    public void RotaryFrequencies_OfANewerFile_AreThoseOfTheOlder()
    {
        var newer = Read("\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 4, \"rope_theta\": 300}");
        Assert.Equal(Read("\"rope_theta\": 300, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}").RotaryFrequencies(),
            newer.RotaryFrequencies());
    }

    [Theory]
    [InlineData("llama", "\"sliding_window\": null", 32)]
    [InlineData("mistral", "\"sliding_window\": 12", 12)]
    [InlineData("mistral", "\"sliding_window\": 4096", 32)]
    [InlineData("qwen2", "\"sliding_window\": 12", 32)]
    [InlineData("qwen2", "\"sliding_window\": 12, \"use_sliding_window\": false", 32)]
    [InlineData("qwen2", "\"sliding_window\": 12, \"use_sliding_window\": true", 12)]
    public void Context_WithASlidingWindow_IsWhatNoTokenIsHiddenIn(string type, string window, int expected)
    {
        var model = new LlamaForCausalLM(Read(window, type));
        Assert.Equal(expected, model.MaxPositions);
        var error = Assert.Throws<ArgumentException>(() => model.Forward(Tensor.Zeros([1, expected + 1], DType.I64)));
        Assert.Contains($"sees {expected}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama", "\"attention_bias\": false", "")]
    [InlineData("llama", "\"attention_bias\": true", "k_proj,o_proj,q_proj,v_proj")]
    [InlineData("llama", "\"mlp_bias\": true", "down_proj,gate_proj,up_proj")]
    [InlineData("mistral", "\"attention_bias\": false", "")]
    [InlineData("qwen2", "\"attention_bias\": false", "k_proj,q_proj,v_proj")]
    public void Biases_OfEachFamily_AreHuggingFaces(string type, string member, string expected)
    {
        var names = new LlamaForCausalLM(Read(member, type)).StateDict().Keys.Where(name => name.EndsWith(".bias", StringComparison.Ordinal));
        Assert.Equal(expected, string.Join(',', names.Select(name => name.Split('.')[^2]).Order()));
    }

    [Theory]
    [InlineData("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2147483647", "num_hidden_layers is 2147483647")]
    [InlineData("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2", "missing")]
    [InlineData("\"vocab_size\": 5", "\"vocab_size\": 2147483647", "vocab_size is 2147483647")]
    [InlineData("\"intermediate_size\": 6", "\"intermediate_size\": 2147483647", "num_hidden_layers is 1")]
    [InlineData("\"num_attention_heads\": 2", "\"num_attention_heads\": 0", "num_attention_heads is 0")]
    [InlineData("\"num_attention_heads\": 2", "\"num_attention_heads\": 3", "does not divide hidden_size")]
    [InlineData("\"num_attention_heads\": 2", "\"num_attention_heads\": 8", "head_dim is 1")]
    [InlineData("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 3", "does not divide num_attention_heads")]
    [InlineData("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 2", "wrong shapes")]
    [InlineData("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 1, \"head_dim\": 2147483646", "num_hidden_layers is 1")]
    [InlineData("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 1, \"head_dim\": 0", "head_dim is 0")]
    [InlineData("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 1, \"rope_theta\": -1", "rope_theta")]
    [InlineData("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 1, \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2}", "'yarn'")]
    [InlineData("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 1, \"rope_scaling\": {\"type\": \"linear\"}", "factor of the rotary")]
    [InlineData("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 1, \"hidden_act\": \"magic\"", "magic")]
    [InlineData("\"max_position_embeddings\": 32,", "", "max_position_embeddings")]
    public void Config_AgainstTheWeights_IsRefused(string old, string changed, string says)
    {
        using var folder = new TempFolder();
        var state = new LlamaForCausalLM(Read("")).StateDict();
        Checkpoint.SaveNew(folder["model.safetensors"], state.Select(entry => TensorSource.From(entry.Key, entry.Value)), new());
        File.WriteAllText(folder["config.json"], Plain);
        Assert.Equal("llama", PretrainedModel.Open(folder.Path).ModelType);
        File.WriteAllText(folder["config.json"], Plain.Replace(old, changed, StringComparison.Ordinal));
        var error = Assert.Throws<ModelException>(() => PretrainedModel.Open(folder.Path));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    private static LlamaConfig Read(string members, string type = "llama")
    {
        var json = Plain.Replace("\"llama\"", $"\"{type}\"", StringComparison.Ordinal);
        if (members.Length > 0)
            json = json.TrimEnd().TrimEnd('}') + $", {members}}}";
        return JsonSerializer.Deserialize(json, ConfigJson.Default.LlamaConfig)!;
    }
}
