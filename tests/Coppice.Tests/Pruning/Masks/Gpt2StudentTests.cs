using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Masks;

namespace Coppice.Tests.Pruning.Masks;

/// <summary>A real model pruned live and made permanent: every tensor's bytes are those that PyTorch gives.</summary>
public sealed class Gpt2StudentTests
{
    private static readonly JsonElement Runs = JsonDocument
        .Parse(File.ReadAllBytes(TestData.InRepository("tests", "Golden", "gpt2-student", "prune.json"))).RootElement;

    [Theory]
    [InlineData(0, PruneSemantics.Strict)]
    [InlineData(0, PruneSemantics.Torch)]
    [InlineData(1, PruneSemantics.Strict)]
    [InlineData(2, PruneSemantics.Torch)]
    [InlineData(3, PruneSemantics.Strict)]
    [InlineData(3, PruneSemantics.Torch)]
    [InlineData(4, PruneSemantics.Strict)]
    [InlineData(4, PruneSemantics.Torch)]
    public void PruneAndRemove_GivesTorchsBytes(int run, PruneSemantics semantics)
    {
        var golden = Runs[run];
        var model = PretrainedModel.Open(TestData.InRepository("samples", "models", "gpt2-student")).Module;
        var blocks = model.NamedModules().Select(entry => entry.Module).OfType<Conv1D>().ToList();
        PruneAmount amount = golden.GetProperty("amount").GetDouble();
        switch (golden.GetProperty("kind").GetString())
        {
            case "l1-per-tensor":
                blocks.ForEach(block => Prune.L1Unstructured(block, "weight", amount, semantics: semantics));
                break;
            case "l1-global":
                var method = new L1Unstructured(amount) { Semantics = semantics };
                Prune.GlobalUnstructured(blocks.Select(block => ((Module)block, "weight")), method);
                break;
            case "l2-structured-dim1":
                blocks.ForEach(block => Prune.LnStructured(block, "weight", amount, 2, 1, semantics: semantics));
                break;
            default:
                Prune.L1Unstructured(model.Find("lm_head"), "weight", amount, semantics: semantics);
                break;
        }

        foreach (var (_, module) in model.NamedModules().Where(entry => entry.Module.Parameters.Values.Any(p => p.Mask is not null)))
            Prune.Remove(module, "weight");

        var state = model.StateDict();
        var hashes = golden.GetProperty(semantics == PruneSemantics.Torch ? "sha256_torch" : "sha256_strict").EnumerateObject().ToList();
        Assert.Equal(run == 4 ? 1 : 48, hashes.Count);
        foreach (var hash in hashes)
        {
            var values = state[hash.Name].ToArray<float>();
            Assert.Equal(golden.GetProperty("zeros").GetProperty(hash.Name).GetInt32(), values.Count(value => value == 0));
            Assert.Equal(hash.Value.GetString(), Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(values))));
        }
        Assert.True(state["lm_head.weight"].SharesMemoryWith(state["transformer.wte.weight"]));
    }
}
