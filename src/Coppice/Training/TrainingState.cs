using Coppice.Checkpoints;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Training;

/// <summary>Everything a run depends on, as one safetensors file: written beside and renamed, so that a kill or a full disk leaves the one before.</summary>
internal sealed class TrainingState(Trainer trainer)
{
    private const string StepName = "trainer/step";

    public void Save(string file) =>
        Checkpoint.SaveNew(file, Tensors().Select(entry => TensorSource.From(entry.Name, entry.Value)),
            new() { Format = CheckpointFormat.SafeTensors, Overwrite = true });

    /// <exception cref="TrainingException">The file is not of this run.</exception>
    public void Load(string file)
    {
        var stored = Read(file);
        try
        {
            trainer.Step = stored[StepName].Item<long>();
            trainer.Task.Module.LoadStateDict(Under("model/", stored));
            trainer.Optimizer.LoadState(Under("optimizer/", stored));
            var random = Under("random/", stored);
            foreach (var (name, source) in RandomSources())
                source.Restore([.. random[name].ToArray<long>().Select(number => (uint)number)]);
            for (var i = 0; i < trainer.Callbacks.Count; i++)
                trainer.Callbacks[i].LoadState(Under($"callback {i}/", stored));
        }
        catch (Exception error) when (error is KeyNotFoundException or ArgumentException or StateDictException or InvalidOperationException)
        {
            throw new TrainingException($"{file} is the state of another run: {error.Message} Remove it to begin anew.", error);
        }
    }

    private IEnumerable<(string Name, Tensor Value)> Tensors()
    {
        yield return (StepName, Tensor.From([trainer.Step], [1]));
        foreach (var (name, value) in trainer.Task.Module.StateDict())
            yield return ("model/" + name, value);
        foreach (var (name, value) in trainer.Optimizer.State())
            yield return ("optimizer/" + name, value);
        foreach (var (name, source) in RandomSources())
            yield return ("random/" + name, Tensor.From<long>([.. source.Save().Select(number => (long)number)], [625]));
        for (var i = 0; i < trainer.Callbacks.Count; i++)
            foreach (var (name, value) in trainer.Callbacks[i].State())
                yield return ($"callback {i}/{name}", value);
    }

    private IEnumerable<(string Name, RandomSource Source)> RandomSources() =>
        trainer.Task.Module.NamedModules().Where(entry => entry.Module is Dropout)
            .Select(entry => (entry.Name, ((Dropout)entry.Module).Random)).DistinctBy(entry => entry.Random);

    private static Dictionary<string, Tensor> Read(string file)
    {
        using var checkpoint = Checkpoint.Open(file);
        return checkpoint.Tensors.ToDictionary(source => source.Name, source =>
        {
            var tensor = Tensor.Empty(source.Shape, source.DType);
            source.Read(0, tensor.Bytes(0, checked((int)source.ByteLength)));
            return tensor;
        });
    }

    private static Dictionary<string, Tensor> Under(string prefix, Dictionary<string, Tensor> stored) => stored
        .Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value);
}
