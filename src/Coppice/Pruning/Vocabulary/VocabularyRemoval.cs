using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tokenizers;

namespace Coppice.Pruning.Vocabulary;

/// <summary>A text model of fewer tokens: its embeddings and output layer lose rows, its tokenizer the tokens, config.json tells the new
/// ids.</summary>
/// <remarks>What a removed token spelt is spelt by smaller ones, or, in WordPiece, becomes unknown where no smaller ones are left.</remarks>
public sealed class VocabularyRemoval
{
    private const string SizeMember = "vocab_size";
    private const string GenerationFile = "generation_config.json";
    private const string SentencePieceFile = "tokenizer.model";
    private const int Samples = 32;

    private readonly PretrainedModel _model;
    private readonly Tokenizer _tokenizer;
    private readonly Dictionary<int, int> _newIds;

    private VocabularyRemoval(PretrainedModel model, Tokenizer tokenizer, IEnumerable<int> kept)
    {
        (_model, _tokenizer) = (model, tokenizer);
        Kept = [.. kept.Order()];
        Rows = RowsOf(model);
        _newIds = Kept.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
    }

    /// <summary>Ids that stay, ascending; each token's new id is its place here.</summary>
    public IReadOnlyList<int> Kept { get; }

    /// <summary>How many ids the model had.</summary>
    public int Rows { get; }

    /// <summary>How often each token occurs.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="texts">Texts like those that the model is to be used on.</param>
    /// <returns>A count for each id of the tokenizer.</returns>
    public static long[] Count(Tokenizer tokenizer, IEnumerable<string> texts)
    {
        var counts = new long[tokenizer.VocabSize];
        foreach (var text in texts)
            foreach (var id in tokenizer.Encode(text))
                counts[id]++;
        return counts;
    }

    /// <summary>Removes the rarest tokens, of equal ones the last.</summary>
    /// <remarks>Special and added tokens, ids that config.json names, and the bytes that spell everything stay; so do the parts that
    /// a token that stays is merged from. Rows of no token go first. A token without a row has none to lose: a tokenizer or a config.json
    /// that names one does not fit the model.</remarks>
    /// <param name="model">A model of a folder with its tokenizer.</param>
    /// <param name="counts">How often each id occurs; see <see cref="Count"/>.</param>
    /// <param name="amount">Share of the model's ids that goes, in 0..1.</param>
    /// <exception cref="PruningException">So many can't go, or none would; or an id has no row.</exception>
    /// <exception cref="TokenizerException">The folder's tokenizer can't be used.</exception>
    public static VocabularyRemoval OfRarest(PretrainedModel model, IReadOnlyList<long> counts, double amount)
    {
        var tokenizer = Tokenizer.FromFolder(model.Folder);
        var rows = RowsOf(model);
        if (Enumerable.Range(rows, Math.Max(0, tokenizer.VocabSize - rows)).Where(tokenizer.Has).ToList() is [var beyond, ..])
            throw WithoutRow($"token '{tokenizer.TokenOf(beyond)}' of the tokenizer", beyond, model, rows);
        var left = rows - (int)Math.Round(amount * rows, MidpointRounding.ToEven);
        var kept = Indispensable(model, tokenizer, rows);
        if (left >= rows || left < kept.Count)
            throw new PruningException($"{model.Folder} has {rows} tokens, of which {kept.Count} have to stay (special tokens and those that spell "
                + $"everything); an amount of {amount} would leave {left}. Give one above 0 and up to {1 - (double)kept.Count / rows:F3}.");
        foreach (var id in Enumerable.Range(0, tokenizer.VocabSize).Where(tokenizer.Has).OrderByDescending(id => counts[id]).ThenBy(id => id))
            if (Whole(id, tokenizer, kept) is var added && kept.Count + added.Count <= left)
                kept.UnionWith(added);
        return new(model, tokenizer, kept);
    }

    /// <summary>Runs the smaller model beside the original, reads texts by both tokenizers, and writes the folder once they agree.</summary>
    /// <param name="output">The new folder; null to verify without writing.</param>
    /// <param name="texts">Texts to compare the tokenizers on.</param>
    /// <param name="seed">Of the tokens to run on.</param>
    /// <param name="options">Format, overwriting, progress.</param>
    /// <exception cref="VerificationException">Outputs differ, or the tokenizers' texts; nothing was written.</exception>
    /// <exception cref="CheckpointException">The source is gone or changed, or the output exists or can't be written.</exception>
    public SmallerVocabulary Save(string? output, IEnumerable<string> texts, long seed, SaveOptions? options = null)
    {
        using var paused = Tape.Pause();
        using var checkpoint = Checkpoint.Open(_model.Folder);
        var config = Config(PretrainedModel.ConfigFile);
        config[SizeMember] = Kept.Count;
        var beside = new SmallerTokenizer(_model.Folder, _newIds).Files();
        var reading = Compare(SmallerTokenizerOf(beside), texts);
        var changes = checkpoint.Tensors.Where(HasTokens).ToDictionary(tensor => tensor.Name, Smaller);
        var plan = Plan();
        var module = PretrainedModel.Build(_model.Architecture, JsonElement.Parse(config.ToJsonString()),
            PretrainedModel.StateOf(checkpoint, _model.Architecture)
                .ToDictionary(entry => entry.Key, entry => changes.GetValueOrDefault(entry.Key, entry.Value)), plan);
        var verification = Verify(module, seed);
        beside[PretrainedModel.ConfigFile] = PretrainedModel.Written(config);
        if (File.Exists(Path.Combine(_model.Folder, GenerationFile)))
            beside[GenerationFile] = PretrainedModel.Written(Config(GenerationFile));
        if (plan is not null)
            beside[PretrainedModel.PlanFile] = plan.ToJson();
        if (output is not null)
            checkpoint.Save(output, changes.Values, (options ?? new()) with { Beside = beside, LeftOut = [SentencePieceFile] });
        return reading with { Module = module, Verification = verification };
    }

    private static int RowsOf(PretrainedModel model) => model.Module.NamedParameters()
        .Where(entry => model.Architecture.Sizes.IsByToken(entry.Name)).Select(entry => entry.Parameter.Shape[0]).First();

    private static HashSet<int> Indispensable(PretrainedModel model, Tokenizer tokenizer, int rows)
    {
        var ids = new HashSet<int>(tokenizer.Indispensable);
        foreach (var file in (string[])[PretrainedModel.ConfigFile, GenerationFile])
            if (Path.Combine(model.Folder, file) is var path && File.Exists(path))
                foreach (var (member, value) in IdMembers(JsonNode.Parse(File.ReadAllBytes(path))!.AsObject()))
                    foreach (var id in (value as JsonArray ?? [value!.DeepClone()]).Select(id => (int)id!).Where(id => id >= 0)) // -1 is none
                        if (id < rows)
                            ids.Add(id);
                        else
                            throw WithoutRow($"{member} of {file}", id, model, rows);
        return ids;
    }

    private static PruningException WithoutRow(string what, int id, PretrainedModel model, int rows) => new(
        $"{model.Folder}: {what} has the id {id}, for which the model has no row: it has {rows}, from 0. Take it out of the folder's files, or give "
            + "the model's embedding a row for it.");

    /// <summary>Members that name tokens: <c>eos_token_id</c>, which may be several, and the like.</summary>
    private static IEnumerable<KeyValuePair<string, JsonNode?>> IdMembers(JsonObject config) => config.Where(member =>
        member.Key.EndsWith("_token_id", StringComparison.Ordinal) && member.Value is JsonArray or JsonValue);

    /// <summary>A token and all that it is merged from, as far as they are not there yet.</summary>
    private static HashSet<int> Whole(int token, Tokenizer tokenizer, HashSet<int> kept)
    {
        var (added, open) = (new HashSet<int>(), new Stack<int>([token]));
        while (open.TryPop(out var id))
            if (!kept.Contains(id) && added.Add(id) && tokenizer.Merges.TryGetValue(id, out var parts))
            {
                open.Push(parts.Left);
                open.Push(parts.Right);
            }
        return added;
    }

    private bool HasTokens(TensorSource tensor) => _model.Architecture.Sizes.IsByToken(tensor.Name);

    private TensorSource Smaller(TensorSource tensor) => tensor.Shape[0] == Rows ? new SelectedRows(tensor, Kept)
        : throw new PruningException($"{_model.Folder}: {tensor} should have a row for each of the {Rows} tokens.");

    /// <summary>A file of settings with the new ids.</summary>
    private JsonObject Config(string file)
    {
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(_model.Folder, file)))!.AsObject();
        foreach (var (member, value) in IdMembers(config).ToList())
            config[member] = value is JsonArray several ? new JsonArray([.. several.Select(id => JsonValue.Create(NewId((int)id!)))])
                : NewId((int)value!);
        return config;
    }

    private int NewId(int id) => _newIds.GetValueOrDefault(id, id);

    /// <summary>What was cut before, of a model of so many tokens; null where nothing was.</summary>
    private StructuralPlan? Plan() => _model.Plan is not { } plan ? null : plan with
    {
        Tensors = [.. plan.Tensors.Select(tensor => !_model.Architecture.Sizes.IsByToken(tensor.Name) ? tensor
            : tensor with { Shape = [Kept.Count, .. tensor.Shape.Skip(1)] })],
    };

    /// <summary>The tokenizer that files beside the weights would make.</summary>
    private static Tokenizer SmallerTokenizerOf(Dictionary<string, byte[]> files)
    {
        using var folder = new TemporaryFolder();
        foreach (var (name, bytes) in files)
            File.WriteAllBytes(folder[name], bytes);
        return Tokenizer.FromFolder(folder.FullName);
    }

    /// <summary>Texts must read the same, but for those in which something has become unknown.</summary>
    private SmallerVocabulary Compare(Tokenizer smaller, IEnumerable<string> texts)
    {
        var (before, after, unknown) = (0L, 0L, 0L);
        foreach (var text in texts)
        {
            var (old, now) = (_tokenizer.Encode(text), smaller.Encode(text));
            var (oldUnknown, newUnknown) = (old.Count(id => id == _tokenizer.Special.Unk), now.Count(id => id == smaller.Special.Unk));
            if (newUnknown == oldUnknown && _tokenizer.Decode(old) != smaller.Decode(now))
                throw new VerificationException($"The smaller tokenizer reads '{text[..Math.Min(text.Length, 40)]}' otherwise than {_model.Folder}'s; "
                    + "nothing was written. Please report it.");
            (before, after, unknown) = (before + old.Length, after + now.Length, unknown + newUnknown - oldUnknown);
        }
        return new(before, after, unknown, _model.Module, new(0, []));
    }

    /// <summary>Outputs for tokens that stay must be those of the original, which gives one for each token that went besides.</summary>
    private Verification Verify(Module module, long seed)
    {
        using var scope = new TensorScope();
        var (original, smaller) = (TracedModel.Of(_model), TracedModel.OfText(_model.ModelType, module, _model.Folder));
        var random = new RandomSource(seed);
        var steps = original.Graph.Inputs[0].SampleShape[1];
        var ids = Enumerable.Range(0, Samples * steps).Select(_ => (long)(random.NextUInt32() % (uint)Kept.Count)).ToArray();
        var verification = new Verification(0, []);
        for (var sample = 0; sample < Samples; sample++)
        {
            var now = ids[(sample * steps)..((sample + 1) * steps)];
            var expected = original.Forward([Tensor.From<long>([.. now.Select(id => (long)Kept[(int)id])], [1, steps])]);
            var actual = smaller.Forward([Tensor.From<long>(now, [1, steps])]);
            verification = verification.And(Verification.Compare(smaller.Graph, [.. expected.Tensors.Select(output => OfKept(output.Tensor))],
                [.. actual.Tensors.Select(output => output.Tensor)], []));
        }
        return verification;
    }

    private Tensor OfKept(Tensor output) =>
        _model.Module is ICausalLanguageModel ? AxisSelection.Select(output, output.Shape.Rank - 1, [.. Kept]) : output;
}

/// <summary>A model of fewer tokens, and how it reads texts.</summary>
/// <param name="TokensBefore">Tokens of the texts by the original's tokenizer.</param>
/// <param name="TokensAfter">And by the smaller one.</param>
/// <param name="Unknown">How many of those are unknown that were not before.</param>
/// <param name="Module">The smaller model.</param>
/// <param name="Verification">How its outputs compare.</param>
public sealed record SmallerVocabulary(long TokensBefore, long TokensAfter, long Unknown, Module Module, Verification Verification);
