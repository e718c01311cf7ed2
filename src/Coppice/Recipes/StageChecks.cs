using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Selection;
using Coppice.Tokenizers;
using Coppice.Training;

namespace Coppice.Recipes;

/// <summary>Tries every stage of a recipe as far as it goes without changing anything.</summary>
internal sealed class StageChecks(RecipeFile file, RecipeModel model, RecipeData data, StageTraining training)
{
    private readonly Dictionary<int, StageCut> _cuts = [];

    private IReadOnlyList<StageCut> Before => [.. _cuts.Values];

    /// <returns>About what each stage will cut out of the model, by its number.</returns>
    /// <exception cref="RecipeException">A stage can't be run; the message names it.</exception>
    public IReadOnlyDictionary<int, StageCut> Check()
    {
        using var folder = new TemporaryFolder();
        model.Workspace = folder.FullName;
        var module = model.Open();
        foreach (var (number, stage) in file.Recipe.Stages.Index())
            try
            {
                module = Check(number, stage, module);
            }
            catch (Exception error) when (error is PruningException or TrainingException or ArgumentException or ModelException
                or CheckpointException or TokenizerException or GraphException or OnnxException)
            {
                throw new RecipeException(file.Path, $"stages[{number}]", error.Message, error);
            }
        return _cuts;
    }

    /// <returns>About what the stage makes of the model.</returns>
    private Module Check(int number, RecipeStage stage, Module module)
    {
        switch (stage)
        {
            case TrainStage train:
                CheckTraining(number, train, module);
                break;
            case PruneStage prune:
                CheckPruning(number, prune, module);
                break;
            case CutStage cut:
                if (cut.NeedsData)
                    RequireTraining(number);
                var (smaller, likely) = training.Cutting.Estimate(number, cut, module, Before);
                _cuts.Add(number, likely);
                return smaller;
            case EvaluateStage evaluate when data.Of(evaluate.Data) is null:
                throw new RecipeException(file.Path, $"stages[{number}].data", "the recipe names no such data; give it under 'data'.");
        }
        return module;
    }

    private void CheckTraining(int number, TrainStage stage, Module module)
    {
        RequireTraining(number);
        if ((stage.KeepBest || stage.EarlyStopping is not null) && data.Validation is null)
            throw new RecipeException(file.Path, $"stages[{number}]",
                "keepBest and earlyStopping go by validation data; give data.validation or data.holdOut.");
        var trainer = training.Create(number, stage, module, Before, null);
        foreach (var callback in trainer.Callbacks)
            callback.Started(trainer);
    }

    private void CheckPruning(int number, PruneStage stage, Module module)
    {
        DataLoader? loader = null;
        if (StagePruning.NeedsData(stage, module))
        {
            RequireTraining(number);
            loader = training.Loader(number, stage.BatchSize);
        }
        if (stage.Criterion == PruningCriterion.Slimming)
            NetworkSlimming.Links(TrainingTask.Of(module), loader!);
        else
            LiveWeight.Select(module, model.Facts, stage.Include, stage.Exclude);
    }

    private void RequireTraining(int number)
    {
        if (data.Train is null)
            throw new RecipeException(file.Path, "data.train", $"stage {number} needs training data; name some.");
    }
}
