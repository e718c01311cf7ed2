using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Modules;

namespace Coppice.Recipes;

/// <summary>The folder of a run: what it leaves, and the state that a run which was stopped goes on from.</summary>
/// <remarks>Each file is written beside its place and moved there, so that a kill or a full disk leaves the one before.</remarks>
internal sealed class RunFiles(string folder)
{
    public const string LockName = "lock.json";

    public string Folder => folder;

    /// <summary>What the trainer and the callbacks report, a line each.</summary>
    public string Metrics => Path.Combine(folder, "metrics.jsonl");

    /// <summary>Which channels are left, where a stage cut some by their scales.</summary>
    public string Channels => Path.Combine(folder, "channels.json");

    /// <summary>What the run was made of, and what came out.</summary>
    public string Lock => Path.Combine(folder, LockName);

    public string Output(string name) => Path.Combine(folder, name);

    /// <summary>The trainer's state within a stage.</summary>
    public string StageState(int stage) => Path.Combine(StateFolder, $"stage-{stage}.safetensors");

    /// <summary>Held open while a run writes here; a killed run leaves it, unlocked.</summary>
    private string InUse => Path.Combine(folder, "in-use");

    /// <summary>Folder of what a run goes on from; there once it has begun, and until it is finished.</summary>
    public string StateFolder => Path.Combine(folder, "state");

    private string PositionFile => Path.Combine(StateFolder, "run.json");

    private string CutFile(int stage) => Path.Combine(StateFolder, CutName(stage));

    /// <summary>The model before a stage.</summary>
    private string Model(int stage) => Path.Combine(StateFolder, $"model-{stage}.safetensors");

    /// <summary>Keeps what a stage cuts out of the model.</summary>
    public void Keep(int stage, StageCut cut) => AtomicOutput.Write(CutFile(stage), cut.ToJson());

    /// <summary>What a stage cut out; null where it did not, or was not reached.</summary>
    public StageCut? Cut(int stage) => CutFile(stage) is var path && File.Exists(path) ? StageCut.Load(path) : null;

    /// <summary>What the stages from one on, and before another, cut out, one after the other.</summary>
    public IReadOnlyList<StageCut> Cuts(int from, int to) => [.. Enumerable.Range(from, to - from).Select(Cut).OfType<StageCut>()];

    /// <summary>Leaves beside the model what a stage cut out by measuring, which another run might not measure again.</summary>
    /// <returns>The file.</returns>
    public string Leave(int stage)
    {
        var path = Output(CutName(stage));
        AtomicOutput.Write(path, File.ReadAllBytes(CutFile(stage)));
        return path;
    }

    /// <summary>Name of the file that says what a stage cut out.</summary>
    public static string CutName(int stage) => $"cut-{stage}.json";

    /// <summary>Where the run stands; null where there is none.</summary>
    /// <exception cref="RecipeException">The folder holds something else, or a finished run.</exception>
    public RunPosition? Position()
    {
        if (File.Exists(folder) || (HoldsFiles() && !File.Exists(PositionFile)))
            throw new RecipeException(File.Exists(Lock)
                ? $"{folder} holds a finished run; choose another output, or remove it to run again."
                : $"{folder} exists and is no run of a recipe; choose another output.");
        if (!File.Exists(PositionFile))
            return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(PositionFile), RunJson.Default.RunPosition);
        }
        catch (JsonException error)
        {
            throw new RecipeException($"{PositionFile} is damaged ({error.Message}); remove {folder} to begin anew.", error);
        }
    }

    /// <summary>Makes the folder this run's own until disposed or killed.</summary>
    /// <exception cref="RecipeException">Another run is writing there.</exception>
    public IDisposable Claim()
    {
        Directory.CreateDirectory(folder);
        try
        {
            return new FileStream(InUse, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException error) when (File.Exists(InUse))
        {
            throw new RecipeException($"Another run is writing to {folder}; wait for it, or choose another output.", error);
        }
    }

    /// <summary>Keeps where the run stands, and the model there; what only earlier stages needed goes.</summary>
    /// <param name="position">The position.</param>
    /// <param name="module">The model before the next stage; null at the start, where the source is.</param>
    /// <param name="rewound">Stages that later ones go back to.</param>
    public void Keep(RunPosition position, Module? module, IReadOnlySet<int> rewound)
    {
        Directory.CreateDirectory(StateFolder);
        if (module is not null)
            Checkpoint.SaveNew(Model(position.Done), module.StateDict().Select(entry => TensorSource.From(entry.Key, entry.Value)),
                new() { Overwrite = true });
        AtomicOutput.Write(PositionFile, JsonSerializer.Serialize(position, RunJson.Default.RunPosition) + "\n");
        for (var stage = 0; stage < position.Done; stage++)
        {
            File.Delete(StageState(stage));
            if (!rewound.Contains(stage))
                File.Delete(Model(stage));
        }
    }

    /// <summary>Puts the values and masks of before a stage into a model that has the sizes of then.</summary>
    public void Load(int stage, Module module)
    {
        if (stage == 0)
            return;
        using var stored = Checkpoint.Open(Model(stage));
        module.LoadStateDict(stored.Tensors.ToDictionary(source => source.Name, source => source.Shape),
            (name, target) => stored[name].Read(0, target.Bytes(0, checked((int)stored[name].ByteLength))));
    }

    /// <summary>Ends the run: nothing is left to go on from.</summary>
    public void Finish(RunLock result)
    {
        AtomicOutput.Write(Lock, result.ToJson() + "\n");
        Directory.Delete(StateFolder, recursive: true);
    }

    private bool HoldsFiles() =>
        Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any(entry => entry != InUse);
}
