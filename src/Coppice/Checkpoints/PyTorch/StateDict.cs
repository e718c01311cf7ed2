using Coppice.Tensors;

namespace Coppice.Checkpoints.PyTorch;

/// <summary>A tensor of a pickle by its place: the dict that holds it, and its key there.</summary>
internal readonly record struct TensorSlot(PickleDict Container, string Key);

/// <summary>A tensor to write into a dict, and its key there.</summary>
internal readonly record struct SlotTensor(string Key, TensorSource Source);

/// <summary>The pickled object of a PyTorch file, with the place of each tensor that the checkpoint lists.</summary>
internal sealed record TorchStructure(object? Root, IReadOnlyDictionary<string, TensorSlot> Slots);

/// <summary>Finds a model's tensors in what was pickled.</summary>
/// <remarks>
/// A dict under a customary key (<c>{'state_dict': ..., 'epoch': ...}</c>) is the model, else the outermost dict with tensors, and names
/// are its keys.
/// Where several dicts beside each other hold tensors, all are listed, by their keys joined with dots. Other tensors are carried along
/// when saving.
/// </remarks>
internal static class StateDict
{
    private static readonly string[] CustomaryKeys = ["state_dict", "model_state_dict", "model_state", "model", "net", "module"];

    public static WeightFile ToWeightFile(MappedFile file, object? root)
    {
        var slots = Slots(root);
        if (slots.Count == 0)
            throw new CheckpointException(file.Path, "the pickle holds no dict of named tensors",
                "Save model.state_dict() with torch.save.");
        List<TensorSource> tensors = [.. slots.Select(slot => TensorAt(slot.Value).ToSource(slot.Key))];
        return new(file, CheckpointFormat.PyTorch, tensors) { Structure = new(root, slots) };
    }

    private static TorchTensor TensorAt(TensorSlot slot) => (TorchTensor)slot.Container.Items[slot.Key]!;

    private static OrderedDictionary<string, TensorSlot> Slots(object? root)
    {
        var dicts = DictsWithTensors(root);
        var chosen = dicts.FindIndex(dict => CustomaryKeys.Contains(dict.Path.Split('.')[^1]));
        if (chosen < 0 && (dicts.Count == 1 || dicts is [("", _), ..]))
            chosen = 0;
        var slots = new OrderedDictionary<string, TensorSlot>();
        foreach (var (path, dict) in chosen < 0 ? dicts : [dicts[chosen]])
            foreach (var (key, value) in dict.Items)
                if (key is string name && value is TorchTensor)
                    slots.TryAdd(chosen < 0 ? $"{path}.{name}" : name, new(dict, name));
        return slots;
    }

    /// <summary>Every dict that directly holds named tensors, outermost first, with the keys that lead to it.</summary>
    private static List<(string Path, PickleDict Dict)> DictsWithTensors(object? root)
    {
        var found = new List<(string, PickleDict)>();
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var queue = new Queue<(string Path, PickleDict Dict)>();
        if (root is PickleDict outermost)
            queue.Enqueue(("", outermost));
        while (queue.TryDequeue(out var next))
        {
            if (!seen.Add(next.Dict))
                continue;
            if (next.Dict.Items.Any(item => item.Key is string && item.Value is TorchTensor))
                found.Add(next);
            foreach (var (key, value) in next.Dict.Items)
                if (value is PickleDict inner)
                    queue.Enqueue((next.Path.Length == 0 ? $"{key}" : $"{next.Path}.{key}", inner));
        }
        return found;
    }
}
