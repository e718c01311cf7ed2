using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Recipes;

/// <summary>Runs a recipe: its stages one after the other, into a folder that a run which was stopped goes on from.</summary>
/// <remarks>Every stage begins with a model that is opened anew and filled from a file, whether the run was stopped before it or not; so the bytes
/// that come out don't depend on that.</remarks>
/// <example><code>
/// var run = RecipeRun.Prepare(RecipeFile.Read("recipes/quickstart.json"), "out");
/// var result = run.Run(progress => Console.WriteLine(progress.Training?.Loss));
/// </code></example>
public sealed class RecipeRun
{
    private readonly RecipeFile _file;
    private readonly RecipeModel _model;
    private readonly RecipeData _data;
    private readonly StageTraining _training;
    private readonly RunFiles _files;
    private readonly IReadOnlySet<int> _rewound;
    private IReadOnlyDictionary<int, StageCut> _likely = new Dictionary<int, StageCut>();

    private readonly IReadOnlyDictionary<int, StageCut> _measured;

    private RecipeRun(RecipeFile file, string output, IReadOnlyDictionary<int, StageCut> measured)
    {
        _measured = measured;
        _files = new(Path.GetFullPath(output));
        Resumes = _files.Position() is not null;
        (_file, _model) = (file, RecipeModel.Of(file));
        _data = RecipeData.Read(file, _model);
        _training = new(file, _model, _data);
        _rewound = Stages.OfType<RewindStage>().Select(stage => stage.Stage).ToHashSet();
    }

    /// <summary>Whether the output holds a run of this recipe that was stopped.</summary>
    public bool Resumes { get; }

    private IReadOnlyList<RecipeStage> Stages => _file.Recipe.Stages;

    /// <summary>Opens the model and the data and checks every stage; nothing is written.</summary>
    /// <param name="file">The recipe.</param>
    /// <param name="output">Folder of the run: new, empty, or of a run of the same recipe that was stopped.</param>
    /// <exception cref="RecipeException">The recipe can't be run; the message names the file, the place in it, and what to do.</exception>
    public static RecipeRun Prepare(RecipeFile file, string output) => Prepare(file, output, new Dictionary<int, StageCut>());

    /// <summary>The same for a run that does again what stages of another chose by measuring.</summary>
    internal static RecipeRun Prepare(RecipeFile file, string output, IReadOnlyDictionary<int, StageCut> measured)
    {
        try
        {
            var run = new RecipeRun(file, output, measured);
            run._likely = new StageChecks(file, run._model, run._data, run._training).Check();
            return run;
        }
        catch (Exception error) when (error is Models.ModelException or Checkpoints.CheckpointException or Tokenizers.TokenizerException)
        {
            throw new RecipeException(file.Path, "model", error.Message, error);
        }
    }

    /// <summary>What the stages will do.</summary>
    /// <param name="cancellation">Stops between steps.</param>
    public RecipePlan Plan(CancellationToken cancellation = default) => RecipePlan.Of(_file, _model, _data, _training, _likely, cancellation);

    /// <summary>Runs all stages that are not done.</summary>
    /// <param name="report">Told every few steps, and after each stage.</param>
    /// <param name="cancellation">Stops between steps and keeps the state, from which another run with the same output goes on.</param>
    /// <returns>What the run was made of and what came out; the folder's <c>lock.json</c>.</returns>
    /// <exception cref="RecipeException">The output is of another recipe or in use by another run, or an input has changed since the run
    /// began.</exception>
    /// <exception cref="TrainingException">Training diverged.</exception>
    public RunLock Run(Action<RunProgress>? report = null, CancellationToken cancellation = default)
    {
        using var claim = _files.Claim();
        var position = Begin(report, cancellation);
        _model.Workspace = _files.StateFolder;
        while (position.Done < Stages.Count)
        {
            cancellation.ThrowIfCancellationRequested();
            var (number, module) = (position.Done, Restore(position.Done));
            (module, var cut) = RunStage(number, module, report, cancellation);
            var done = Measure(number, module, cancellation) with { Cut = cut };
            position = position with { Done = number + 1, Reports = [.. position.Reports, done] };
            _files.Keep(position, module, _rewound);
            report?.Invoke(new(number, Stages.Count, Stages[number].Type, Done: done));
        }
        return Finish(position);
    }

    /// <summary>Hashes of the files that the model and the data are read from, by name.</summary>
    internal SortedDictionary<string, string> HashInputs() =>
        FileHashes.OfInputs([.. _model.Files, .. _data.Files], _file);

    private RunPosition Begin(Action<RunProgress>? report, CancellationToken cancellation)
    {
        var recipe = FileHashes.OfText(JsonSerializer.Serialize(
            _file.Recipe with { Output = null, Description = null, Schema = null, Variables = null }, RecipeJson.Default.Recipe));
        var inputs = HashInputs();
        if (_files.Position() is { } position)
        {
            if (position.Recipe != recipe)
                throw new RecipeException($"{_files.Folder} holds a run of another recipe, or this one has changed since; undo the change, "
                    + "choose another output, or remove the folder.");
            if (inputs.FirstOrDefault(input => position.Inputs.GetValueOrDefault(input.Key) != input.Value) is { Key: { } changed })
                throw new RecipeException($"{changed} has changed since the run in {_files.Folder} began; put it back, or remove the folder.");
            return position;
        }
        var start = Measure(null, Restore(0), cancellation);
        report?.Invoke(new(0, Stages.Count, Stages[0].Type, Done: start));
        position = new(recipe, inputs, 0, [start]);
        _files.Keep(position, null, _rewound);
        return position;
    }

    private Module Restore(int stage)
    {
        var module = _model.Open(_files.Cuts(0, stage));
        _files.Load(stage, module);
        return module;
    }

    /// <returns>What became of the model, and what was cut out of it; null where nothing was.</returns>
    private (Module Module, CutReport? Cut) RunStage(int number, Module module, Action<RunProgress>? report, CancellationToken cancellation)
    {
        // Training stops between steps, where it keeps its state; other stages are done again from their start.
        using var interruption = new Interruption(Stages[number] is TrainStage ? CancellationToken.None : cancellation);
        switch (Stages[number])
        {
            case TrainStage train:
                var metrics = new MetricsLog(_files.Metrics, number);
                _training.Create(number, train, module, _files.Cuts(0, number), _files.StageState(number), metrics).Run(progress =>
                {
                    metrics.Add(progress, train.Optimizer.LearningRate);
                    report?.Invoke(new(number, Stages.Count, train.Type, progress));
                }, cancellation);
                break;
            case PruneStage prune:
                using (new TensorScope())
                    StagePruning.Prune(prune, TrainingTask.Of(module), _model.Facts, _data.Train is null ? null
                        : _training.Loader(number, prune.BatchSize), _file.Recipe.Seed);
                break;
            case CutStage cut:
                return Cut(number, cut, module);
            case RewindStage rewind:
                var (earlier, since) = (_files.Cuts(0, rewind.Stage), _files.Cuts(rewind.Stage, number));
                Rewind(module, _model.Carry(Restore(rewind.Stage), earlier, since));
                break;
        }
        return (module, null);
    }

    /// <summary>What a stage that asks for a time chose before it was stopped, or in the run that is done again.</summary>
    private StageCut? Measured(int number) => Stages[number] is CutStage { TargetLatency: not null }
        ? _files.Cut(number) ?? _measured.GetValueOrDefault(number)
        : null;

    private (Module Module, CutReport? Cut) Cut(int number, CutStage stage, Module module)
    {
        try
        {
            var (smaller, cut) = _training.Cutting.Cut(
                number, stage, module, _files.Cuts(0, number), Measured(number), chosen => _files.Keep(number, chosen));
            _files.Keep(number, cut);
            return (smaller, cut.Report);
        }
        catch (PruningException error)
        {
            throw new RecipeException(_file.Path, $"stages[{number}]", error.Message, error);
        }
        catch (VerificationException error)
        {
            throw new VerificationException($"{_file.Path}, stages[{number}]: {error.Message}", error);
        }
    }

    /// <summary>Puts back values and buffers; masks stay.</summary>
    private static void Rewind(Module module, Module before)
    {
        var values = before.ParametersByPlainName().ToDictionary();
        foreach (var (name, parameter) in module.ParametersByPlainName())
            parameter.Data.CopyFrom(values[name].Data);
        foreach (var (one, other) in module.NamedModules().Zip(before.NamedModules()))
            foreach (var (name, buffer) in one.Module.Buffers)
                buffer.CopyFrom(other.Module.Buffers[name]);
    }

    private StageReport Measure(int? number, Module module, CancellationToken cancellation)
    {
        var part = number is { } stage && Stages[stage] is EvaluateStage evaluate ? evaluate.Data : EvaluationData.Test;
        var quality = _data.Of(part) is { } data ? Quality.Of(TrainingTask.Of(module), data, _model.Classifies, cancellation) : null;
        var (all, inScope) = ModelSparsity.Of(module, _file.Recipe, _model.Facts);
        return new(number is { } i ? Stages[i].Type : "start", all, inScope, number, quality);
    }

    private RunLock Finish(RunPosition position)
    {
        var module = Restore(Stages.Count);
        List<string> outputs = [];
        if (Stages.ToList().FindLastIndex(stage => stage is PruneStage { Criterion: PruningCriterion.Slimming }) is >= 0 and var last)
        {
            var loader = _training.Loader(last, ((PruneStage)Stages[last]).BatchSize);
            AtomicOutput.Write(_files.Channels, ChannelPlan.Of(NetworkSlimming.Links(TrainingTask.Of(module), loader)).ToJson() + "\n");
            outputs.Add(_files.Channels);
        }
        foreach (var (_, parameter) in module.NamedParameters())
            parameter.MakeMaskPermanent();
        outputs.AddRange(_model.Save(module, _files.Cuts(0, Stages.Count), _files.Output(_model.OutputName)));
        outputs.AddRange(Stages.Index().Where(stage => stage.Item is CutStage { TargetLatency: not null }).Select(stage => _files.Leave(stage.Index)));
        var result = new RunLock(RunLock.CurrentVersion, typeof(RecipeRun).Assembly.GetName().Version!.ToString(3), RunMachine.Current,
            Path.GetRelativePath(_files.Folder, _file.Path).Replace('\\', '/'), FileHashes.Of(_file.Path), _file.Settings, _file.Recipe.Seed,
            position.Inputs, FileHashes.OfOutputs(outputs, _files.Folder), position.Reports);
        _files.Finish(result);
        return result;
    }
}
